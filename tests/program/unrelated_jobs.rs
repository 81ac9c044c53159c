//! Jobs of different buyers on rigs of different providers never wait for each other: a chain runs
//! transactions in parallel where none may write what another one names.

use std::collections::BTreeSet;

use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::{ExtendJobArgs, accounts, instruction};
use millrace_testkit::protocol::{PricePerGpuHour, Ruling, Seconds};
use millrace_testkit::{
    Call, Environment, JobHandle, LeaseHandle, NodeHandle, Signer, Wallet, attestation, terms, usdc,
};

use crate::round::counted;

const PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);

type OpenLease = Call<accounts::OpenLease, instruction::OpenLease>;

const EXTENSION: ExtendJobArgs = ExtendJobArgs { deposit: 1, lease_seconds: 1, start_window: 1 };

/// Who opens a lease.
#[derive(Clone, Copy)]
enum By<'a> {
    Buyer,
    Scheduler,
    /// The scheduler, and this wallet pays the rent.
    SchedulerFrom(&'a Wallet),
}

/// How a job of its own on a rig of its own is leased.
fn opening(chain: &Environment, job: &JobHandle, node: &NodeHandle, by: By) -> OpenLease {
    let mut call = match by {
        By::Buyer => chain.award_lease(job, node, PRICE),
        By::Scheduler | By::SchedulerFrom(_) => chain.open_lease(job, node),
    };
    if let By::SchedulerFrom(payer) = by {
        call.accounts.rent_payer = payer.address();
        call.signers.push(payer.key.insecure_clone());
    }
    call
}

fn leased(chain: &mut Environment, by: By) -> LeaseHandle {
    let node = chain.rig(usdc(100));
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, terms());
    let call = opening(chain, &job, &node, by);
    chain.do_open_lease_as(&job, &node, &call)
}

/// What any instruction about a job, its leases and their disputes may write.
fn writable(chain: &Environment, lease: &LeaseHandle, challenger: &Wallet) -> BTreeSet<Pubkey> {
    let (job, node) = (&lease.job, &lease.node);
    [
        chain.open_job(job, 1, terms()).writable(),
        chain.extend_job(job, EXTENSION).writable(),
        chain.award_lease(job, node, PRICE).writable(),
        chain.extend_start(lease).writable(),
        chain.extend_lease(lease, Seconds(1)).writable(),
        chain.hold_lease(lease).writable(),
        chain.notice_preemption(lease).writable(),
        chain.settle(lease, &attestation(lease.address, 1, Seconds(50))).writable(),
        chain.expire_lease(lease).writable(),
        chain.accept_lease(lease).writable(),
        chain.finalize_lease(lease).writable(),
        chain.open_dispute(lease, challenger).writable(),
        chain.resolve_dispute(lease, challenger, Ruling::Split).writable(),
        chain.expire_dispute(lease, challenger).writable(),
        chain.cancel_job(job).writable(),
        chain.expire_job(job).writable(),
        chain.close_job(job).writable(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn shared(ours: &BTreeSet<Pubkey>, theirs: &BTreeSet<Pubkey>) -> Vec<Pubkey> {
    assert!(ours.len() > 10 && theirs.len() > 10, "hardly anything is written");
    ours.intersection(theirs).copied().collect()
}

#[test]
fn jobs_whose_buyers_award_them_share_no_account_that_either_may_write() {
    let mut chain = Environment::new();
    let leases = [leased(&mut chain, By::Buyer), leased(&mut chain, By::Buyer)];
    let [ours, theirs] = leases.each_ref().map(|lease| writable(&chain, lease, &lease.job.buyer));
    assert_eq!(shared(&ours, &theirs), []);
}

/// What two jobs of the scheduler's share.
fn shared_by_scheduled(chain: &mut Environment, by: [By; 2]) -> Vec<Pubkey> {
    let [ours, theirs] = by.map(|by| {
        let lease = leased(chain, by);
        let mut writable = writable(chain, &lease, &lease.job.buyer);
        writable.extend(opening(chain, &lease.job, &lease.node, by).writable());
        writable
    });
    shared(&ours, &theirs)
}

#[test]
fn jobs_of_the_scheduler_share_nothing_where_two_wallets_pay_their_rent() {
    let mut chain = Environment::new();
    let [one, other] = std::array::from_fn(|_| chain.wallet(usdc(0)));
    assert_eq!(shared_by_scheduled(&mut chain, [By::SchedulerFrom(&one), By::SchedulerFrom(&other)]), []);
}

#[test]
fn jobs_of_the_scheduler_share_the_wallet_that_pays_for_both_and_nothing_else() {
    let mut chain = Environment::new();
    assert_eq!(shared_by_scheduled(&mut chain, [By::Scheduler; 2]), [chain.scheduler.pubkey()]);
}

/// A job of a buyer's balance, opened by a delegate or by its owner.
#[test]
fn prepaid_jobs_of_two_balances_share_no_account_that_either_may_write() {
    let mut chain = Environment::new();
    let sides: [BTreeSet<Pubkey>; 2] = std::array::from_fn(|_| {
        let (buyer, delegate, node) = (chain.wallet(usdc(100)), chain.wallet(usdc(0)), chain.rig(usdc(100)));
        let balance = chain.do_open_buyer(&buyer, usdc(50));
        let opened = [
            chain.open_job_prepaid(&balance, None, 1, terms()).writable(),
            chain.open_job_prepaid(&balance, Some(&delegate.key), 1, terms()).writable(),
        ];
        let job = chain.do_open_job_prepaid(&balance, 1, terms());
        let call = chain.award_lease(&job, &node, PRICE);
        let lease = chain.do_open_lease_as(&job, &node, &call);
        let ended = [
            chain.extend_job_prepaid(&balance, &job, EXTENSION).writable(),
            chain.close_job_prepaid(&balance, &job).writable(),
        ];
        let prepaid = opened.into_iter().chain(ended).flatten();
        writable(&chain, &lease, &buyer).into_iter().chain(prepaid).collect()
    });
    let [ours, theirs] = &sides;
    assert_eq!(shared(ours, theirs), []);
}

#[test]
fn rounds_of_unrelated_jobs_share_nothing_else_either() {
    let mut chain = Environment::new();
    let sides: [(JobHandle, LeaseHandle); 2] = std::array::from_fn(|_| {
        let buyer = chain.wallet(usdc(100));
        let job = chain.do_open_job(&buyer, 1, counted(2, 2));
        chain.do_open_round(&job);
        let node = chain.rig(usdc(100));
        let lease = chain.do_open_lease(&job, &node);
        (job, lease)
    });
    let [ours, theirs] = sides.each_ref().map(|(job, lease)| {
        let mut writable = writable(&chain, lease, &job.buyer);
        writable.extend(chain.open_round(job).writable());
        writable.extend(chain.open_lease(job, &lease.node).writable());
        writable.extend(chain.commit_result(lease, [0; 32]).writable());
        writable.extend(chain.reveal_result(lease, [0; 32], [0; 32]).writable());
        writable.extend(chain.tally_quorum(job).writable());
        writable.extend(chain.settle_member(lease).writable());
        writable.extend(chain.close_quorum(job).writable());
        writable
    });
    assert_eq!(shared(&ours, &theirs), [chain.scheduler.pubkey()]);
}
