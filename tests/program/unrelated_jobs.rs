//! Jobs of different buyers on rigs of different providers never wait for each other: a chain runs
//! transactions in parallel where none may write what another one names.

use std::collections::BTreeSet;

use anchor_lang::prelude::Pubkey;
use millrace_testkit::protocol::{PricePerGpuHour, Ruling, Seconds};
use millrace_testkit::{Environment, JobHandle, LeaseHandle, Signer, Wallet, attestation, terms, usdc};

use crate::round::counted;

const PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);

/// A buyer's job on a rig of its own, under a lease that the buyer awarded or that the scheduler chose.
fn leased(chain: &mut Environment, awarded: bool) -> LeaseHandle {
    let node = chain.rig(usdc(100));
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, terms());
    let call = if awarded { chain.award_lease(&job, &node, PRICE) } else { chain.open_lease(&job, &node) };
    chain.do_open_lease_as(&job, &node, &call)
}

/// What any instruction about a job, its leases and their disputes may write.
fn writable(chain: &Environment, lease: &LeaseHandle, challenger: &Wallet) -> BTreeSet<Pubkey> {
    let (job, node) = (&lease.job, &lease.node);
    [
        chain.open_job(job, 1, terms()).writable(),
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
    let leases = [leased(&mut chain, true), leased(&mut chain, true)];
    let [ours, theirs] = leases.each_ref().map(|lease| writable(&chain, lease, &lease.job.buyer));
    assert_eq!(shared(&ours, &theirs), []);
}

#[test]
fn jobs_of_the_scheduler_share_the_wallet_that_it_pays_rent_with_and_nothing_else() {
    let mut chain = Environment::new();
    let leases = [leased(&mut chain, false), leased(&mut chain, false)];
    let [ours, theirs] = leases.each_ref().map(|lease| {
        let mut writable = writable(&chain, lease, &lease.job.buyer);
        writable.extend(chain.open_lease(&lease.job, &lease.node).writable());
        writable
    });
    assert_eq!(shared(&ours, &theirs), [chain.scheduler.pubkey()]);
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
