use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::LeaseOpened;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{
    GpuUnits, Hardware, JobTerms, MicroUsdc, NodeStatus, PricePerGpuHour, Requirements, Seconds, UnixSeconds,
};
use millrace_testkit::{Environment, JobHandle, Keypair, NodeHandle, Signer, hardware, terms, usdc};

use crate::scene::Scene;

const PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);

fn ready(terms: JobTerms) -> (Environment, JobHandle, NodeHandle) {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(100));
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, terms);
    (chain, job, node)
}

fn requiring(change: impl FnOnce(&mut Requirements)) -> JobTerms {
    let mut terms = terms();
    change(&mut terms.requirements);
    terms
}

#[test]
fn holds_the_worst_case_and_locks_the_bond() {
    let (mut chain, job, node) = ready(terms());
    let call = chain.open_lease(&job, &node);
    let event: LeaseOpened = chain.send(&call).unwrap().event();
    let now = chain.now().0;

    let lease = chain.lease(&call.accounts.lease);
    assert_eq!((lease.job, lease.node, lease.provider), (job.address, node.address, node.provider.address));
    assert_eq!((lease.state, lease.number, lease.rent_payer), (0, 0, chain.scheduler.pubkey()));
    assert_eq!(lease.bump, call.data.args.lease_bump);
    assert_eq!((lease.reserved, lease.bond, lease.paid), (3_600_000, 3_600_000, 0));
    assert_eq!((lease.start_by, lease.checkpoint_by, lease.ends_by), (now + 300, 0, now + 300 + 3_600));
    let state = chain.job(&job.address);
    assert_eq!((state.state, state.reserved, state.live_leases, state.leases_opened), (1, 3_600_000, 1, 1));
    assert_eq!(chain.node(&node.address).leased, 1);
    assert_eq!(chain.provider(&node.provider.address).stake_locked, 3_600_000);
    assert_eq!(chain.tokens(&job.vault), usdc(10));
    assert_eq!((event.job_reserved_before, event.job_reserved_after), (0, 3_600_000));
    assert_eq!((event.stake_locked_before, event.stake_locked_after), (0, 3_600_000));
    assert_eq!((event.lease, event.number, event.at), (call.accounts.lease, 0, now));
    chain.ledger().check();
}

#[test]
fn numbers_leases_from_zero() {
    let (mut chain, job, node) = ready(terms());
    chain.do_open_lease(&job, &node);
    let second = chain.do_open_lease(&job, &node);
    assert_eq!(chain.lease(&second.address).number, 1);
    assert_eq!(chain.job(&job.address).live_leases, 2);
}

#[test]
fn locks_at_least_the_minimum_bond() {
    let (mut chain, job, rig) = ready(terms());
    let cheap = chain.do_add_node(&rig.provider, hardware(), PricePerGpuHour(10));
    let lease = chain.do_open_lease(&job, &cheap);
    assert_eq!(chain.lease(&lease.address).bond, usdc(1).0);
}

#[test]
fn another_wallet_than_the_schedulers_may_pay_the_rent_and_gets_it_back() {
    let (mut chain, job, node) = ready(terms());
    let payer = chain.wallet(MicroUsdc::ZERO);
    let [scheduler_before, payer_before] = [chain.scheduler.pubkey(), payer.address()].map(|key| chain.lamports(&key));
    let mut call = chain.open_lease(&job, &node);
    call.accounts.rent_payer = payer.address();
    call.signers.push(payer.key.insecure_clone());
    let lease = chain.do_open_lease_as(&job, &node, &call);
    assert_eq!(chain.lease(&lease.address).rent_payer, payer.address());
    let rent = chain.lamports(&lease.address);
    assert_eq!(chain.lamports(&payer.address()), payer_before - rent);
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(60), ExitClass::Completed);
    assert_eq!(chain.lamports(&payer.address()), payer_before);
    assert_eq!(chain.lamports(&chain.scheduler.pubkey()), scheduler_before);
}

#[test]
fn refuses_to_take_rent_from_who_did_not_sign() {
    let (mut chain, job, node) = ready(terms());
    let payer = chain.wallet(MicroUsdc::ZERO);
    let mut call = chain.open_lease(&job, &node).without_signature_of(payer.address());
    call.accounts.rent_payer = payer.address();
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn refuses_whoever_is_not_the_scheduler() {
    let (mut chain, job, node) = ready(terms());
    let stranger = chain.wallet(MicroUsdc::ZERO);
    let mut call = chain.open_lease(&job, &node);
    call.accounts.authority = stranger.address();
    call.signers.push(stranger.key);
    chain.refuses(&call, MarketError::WrongAuthority);
}

#[test]
fn refuses_without_the_schedulers_or_the_nodes_signature() {
    let (mut chain, job, node) = ready(terms());
    for key in [chain.scheduler.pubkey(), node.key.pubkey()] {
        let call = chain.open_lease(&job, &node).without_signature_of(key);
        chain.refuses(&call, ErrorCode::AccountNotSigner);
    }
}

#[test]
fn refuses_another_key_than_the_nodes() {
    let (mut chain, job, node) = ready(terms());
    let mut call = chain.open_lease(&job, &node);
    let other = Keypair::new();
    call.accounts.node_key = other.pubkey();
    call.signers.push(other);
    chain.refuses(&call, MarketError::WrongNodeKey);
}

#[test]
fn refuses_the_stake_of_another_provider() {
    let (mut chain, job, node) = ready(terms());
    let mut call = chain.open_lease(&job, &node);
    call.accounts.provider = chain.rig(usdc(1)).provider.address;
    chain.refuses(&call, MarketError::WrongProvider);
}

#[test]
fn refuses_a_lease_at_another_address() {
    let (mut chain, job, node) = ready(terms());
    let taken = chain.do_open_lease(&job, &node);
    let mut call = chain.open_lease(&job, &node);
    call.accounts.lease = taken.address;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
}

#[test]
fn refuses_a_price_over_the_jobs_maximum() {
    let (mut chain, job, rig) = ready(terms());
    let dear = chain.do_add_node(&rig.provider, hardware(), PricePerGpuHour(PRICE.0 + 1));
    let call = chain.open_lease(&job, &dear);
    chain.refuses(&call, MarketError::PriceNotAgreed);
}

#[test]
fn refuses_a_price_that_is_not_the_nodes() {
    let (mut chain, job, node) = ready(terms());
    let mut call = chain.open_lease(&job, &node);
    call.data.args.price -= 1;
    chain.refuses(&call, MarketError::PriceNotAgreed);
}

#[test]
fn refuses_a_node_that_is_not_what_the_job_asks_for() {
    for terms in [
        requiring(|needs| needs.gpu_classes = 1),
        requiring(|needs| needs.vram_mib = 24_577),
        requiring(|needs| needs.regions = 1),
        JobTerms { deposit: usdc(20), ..requiring(|needs| needs.units = GpuUnits(3)) },
    ] {
        let (mut chain, job, node) = ready(terms);
        let call = chain.open_lease(&job, &node);
        chain.refuses(&call, MarketError::RequirementsUnmet);
    }
}

#[test]
fn takes_simulated_gpus_only_where_the_buyer_accepts_them() {
    let (mut chain, job, rig) = ready(terms());
    let simulated = chain.do_add_node(&rig.provider, Hardware { simulated: true, ..hardware() }, PRICE);
    let call = chain.open_lease(&job, &simulated);
    chain.refuses(&call, MarketError::RequirementsUnmet);
    let accepting = chain.do_open_job(&job.buyer, 2, requiring(|needs| needs.accept_simulated = true));
    chain.do_open_lease(&accepting, &simulated);
}

#[test]
fn refuses_a_length_of_zero_or_over_the_jobs_maximum() {
    let (mut chain, job, node) = ready(terms());
    for seconds in [0, 3_601] {
        let mut call = chain.open_lease(&job, &node);
        call.data.args.maximum_seconds = seconds;
        chain.refuses(&call, MarketError::LeaseLengthInvalid);
    }
}

#[test]
fn refuses_more_leases_than_the_job_wants_at_once() {
    let (mut chain, job, node) = ready(JobTerms { concurrent_leases: 1, ..terms() });
    chain.do_open_lease(&job, &node);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::TooManyLeases);
}

#[test]
fn refuses_to_reserve_more_than_is_left() {
    let (mut chain, job, node) = ready(JobTerms { deposit: MicroUsdc(7_199_999), ..terms() });
    chain.do_open_lease(&job, &node);
    let mut call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::DepositExhausted);
    call.data.args.maximum_seconds = 3_599;
    chain.send(&call).unwrap();
}

#[test]
fn refuses_a_full_node() {
    let (mut chain, job, node) = ready(JobTerms { concurrent_leases: 3, deposit: usdc(20), ..terms() });
    chain.do_open_lease(&job, &node);
    chain.do_open_lease(&job, &node);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::NodeFull);
}

#[test]
fn refuses_a_draining_node() {
    let (mut chain, job, node) = ready(terms());
    let mut state = chain.node(&node.address);
    state.status = NodeStatus::Draining as u8;
    chain.put(node.address, &state);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::NodeNotActive);
}

#[test]
fn refuses_a_bond_that_the_free_stake_does_not_cover() {
    let (mut chain, job, _) = ready(terms());
    let node = chain.rig(MicroUsdc(7_199_999));
    chain.do_open_lease(&job, &node);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::StakeTooSmall);
    chain.put_tokens(node.provider.owner.tokens, node.provider.owner.address(), chain.mint, MicroUsdc(1));
    chain.do_add_stake(&node.provider, MicroUsdc(1));
    chain.do_open_lease(&job, &node);
}

#[test]
fn takes_a_lease_one_second_before_the_start_deadline_and_none_at_it() {
    let (mut chain, job, node) = ready(terms());
    let deadline = UnixSeconds(chain.job(&job.address).start_deadline);
    let late = chain.do_open_job(&job.buyer, 2, terms());
    chain.travel_to(UnixSeconds(deadline.0 - 1));
    chain.do_open_lease(&job, &node);
    chain.travel_to(deadline);
    let call = chain.open_lease(&late, &node);
    chain.refuses(&call, MarketError::StartDeadlinePassed);
    // The deadline is that of the first lease; a job that has begun may grow.
    chain.do_open_lease(&job, &node);
}

#[test]
fn refuses_a_job_that_is_done_cancelling_or_expired() {
    let (mut chain, job, node) = ready(terms());
    let lease = chain.do_open_lease(&job, &node);
    chain.do_cancel_job(&job);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::JobNotOpen);
    chain.do_settle_final(&lease, Seconds(0), ExitClass::Completed);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::JobNotOpen);

    let expired = chain.do_open_job(&job.buyer, 2, terms());
    chain.advance(Seconds(600));
    chain.do_expire_job(&expired);
    let call = chain.open_lease(&expired, &node);
    chain.refuses(&call, MarketError::JobNotOpen);
}

#[test]
fn refuses_a_job_whose_attempts_are_used_up() {
    let Scene { mut chain, node, job, lease, .. } = Scene::with(JobTerms { retries: 0, ..terms() });
    chain.do_open_lease(&job, &node);
    chain.do_settle_final(&lease, Seconds(0), ExitClass::NodeFault);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::AttemptsExhausted);
}
