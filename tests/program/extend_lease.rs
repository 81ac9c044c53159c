use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::LeaseExtended;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{JobTerms, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds};
use millrace_testkit::{Environment, Keypair, LeaseHandle, Signer, hardware, terms, usdc};

use crate::round::Round;
use crate::scene::{Scene, disputable};

/// A lease of 1000 seconds where the job allows an hour.
fn short(terms: JobTerms) -> (Environment, LeaseHandle) {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(100));
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, terms);
    let mut call = chain.open_lease(&job, &node);
    call.data.args.maximum_seconds = 1_000;
    let lease = chain.do_open_lease_as(&job, &node, &call);
    (chain, lease)
}

#[test]
fn reserves_the_further_time_at_the_leases_price() {
    let (mut chain, lease) = short(terms());
    let before = chain.lease(&lease.address);
    chain.advance(Seconds(100));
    let event: LeaseExtended = chain.do_extend_lease(&lease, Seconds(500)).event();

    let after = chain.lease(&lease.address);
    assert_eq!((after.maximum_seconds, after.ends_by), (1_500, before.ends_by + 500));
    assert_eq!((after.reserved, after.bond, after.price), (1_500_000, before.bond, before.price));
    assert_eq!(chain.job(&lease.job.address).reserved, 1_500_000);
    assert_eq!((event.maximum_seconds_before, event.maximum_seconds_after), (1_000, 1_500));
    assert_eq!((event.ends_by_before, event.ends_by_after), (before.ends_by, after.ends_by));
    assert_eq!((event.reserved_before, event.reserved_after), (1_000_000, 1_500_000));
    assert_eq!((event.job_reserved_before, event.job_reserved_after), (1_000_000, 1_500_000));
    assert_eq!((event.lease, event.authority, event.at), (lease.address, chain.scheduler.pubkey(), chain.now().0));
    assert_eq!(chain.tokens(&lease.job.vault), usdc(10));
    chain.ledger().check();
}

#[test]
fn the_further_time_is_paid_once_it_is_attested() {
    let (mut chain, lease) = short(terms());
    chain.do_extend_lease(&lease, Seconds(500));
    chain.advance(Seconds(1_400));
    chain.do_settle_final(&lease, Seconds(1_400), ExitClass::Completed);
    assert_eq!(chain.tokens(&lease.node.provider.earnings_vault).0, 1_400_000);
    chain.ledger().check();
}

#[test]
fn the_buyer_may_ask_for_it_too() {
    let (mut chain, lease) = short(terms());
    let mut call = chain.extend_lease(&lease, Seconds(1));
    call.accounts.authority = lease.job.buyer.address();
    call.signers.push(lease.job.buyer.key.insecure_clone());
    let event: LeaseExtended = chain.send(&call).unwrap().event();
    assert_eq!(event.authority, lease.job.buyer.address());
}

#[test]
fn refuses_whoever_is_neither_scheduler_nor_buyer() {
    let (mut chain, lease) = short(terms());
    let stranger = chain.wallet(MicroUsdc::ZERO);
    let mut call = chain.extend_lease(&lease, Seconds(1));
    call.accounts.authority = stranger.address();
    call.signers.push(stranger.key);
    chain.refuses(&call, MarketError::WrongAuthority);
}

#[test]
fn refuses_without_the_authoritys_or_the_nodes_signature() {
    let (mut chain, lease) = short(terms());
    for key in [chain.scheduler.pubkey(), lease.node.key.pubkey()] {
        let call = chain.extend_lease(&lease, Seconds(1)).without_signature_of(key);
        chain.refuses(&call, ErrorCode::AccountNotSigner);
    }
}

#[test]
fn refuses_another_key_than_the_nodes() {
    let (mut chain, lease) = short(terms());
    let other = Keypair::new();
    let mut call = chain.extend_lease(&lease, Seconds(1));
    call.accounts.node_key = other.pubkey();
    call.signers.push(other);
    chain.refuses(&call, MarketError::WrongNodeKey);
}

#[test]
fn refuses_a_job_or_a_node_that_the_lease_does_not_name() {
    let mut scene = Scene::new();
    let other = scene.unrelated();
    let Scene { mut chain, node, lease, .. } = scene;
    let mut call = chain.extend_lease(&lease, Seconds(1));
    call.accounts.job = other.job.address;
    chain.refuses(&call, MarketError::WrongJob);
    let second = chain.do_add_node(&node.provider, hardware(), PricePerGpuHour(3_600_000));
    let mut call = chain.extend_lease(&lease, Seconds(1));
    (call.accounts.node, call.accounts.node_key) = (second.address, second.key.pubkey());
    call.signers.push(second.key);
    chain.refuses(&call, MarketError::WrongNode);
}

#[test]
fn refuses_another_config() {
    let (mut chain, lease) = short(terms());
    let mut call = chain.extend_lease(&lease, Seconds(1));
    call.accounts.config = chain.forge(call.accounts.config, millrace_testkit::program::ID);
    chain.refuses(&call, ErrorCode::ConstraintAddress);
}

#[test]
fn takes_as_much_time_as_the_job_allows_and_no_more() {
    let (mut chain, lease) = short(terms());
    for more in [0, 2_601] {
        let call = chain.extend_lease(&lease, Seconds(more));
        chain.refuses(&call, MarketError::LeaseLengthInvalid);
    }
    let call = chain.extend_lease(&lease, Seconds(u64::MAX));
    chain.refuses(&call, MarketError::Overflow);
    chain.do_extend_lease(&lease, Seconds(2_600));
    let call = chain.extend_lease(&lease, Seconds(1));
    chain.refuses(&call, MarketError::LeaseLengthInvalid);
}

#[test]
fn takes_what_is_left_of_the_deposit_and_no_more() {
    let (mut chain, lease) = short(JobTerms { deposit: MicroUsdc(4_800_000), ..terms() });
    chain.do_open_lease(&lease.job, &lease.node);
    let call = chain.extend_lease(&lease, Seconds(201));
    chain.refuses(&call, MarketError::DepositExhausted);
    chain.do_extend_lease(&lease, Seconds(200));
    chain.ledger().check();
}

#[test]
fn extends_one_second_before_the_leases_end_and_not_at_it() {
    let (mut chain, lease) = short(terms());
    let end = chain.lease(&lease.address).ends_by;
    chain.travel_to(UnixSeconds(end - 1));
    chain.do_extend_lease(&lease, Seconds(1));
    chain.travel_to(UnixSeconds(end + 1));
    let call = chain.extend_lease(&lease, Seconds(1));
    chain.refuses(&call, MarketError::DeadlinePassed);
}

#[test]
fn refuses_a_lease_that_has_its_notice() {
    let Scene { mut chain, lease, .. } = Scene::preemptible(terms());
    chain.do_notice_preemption(&lease);
    let call = chain.extend_lease(&lease, Seconds(1));
    chain.refuses(&call, MarketError::DeadlinePassed);
}

#[test]
fn refuses_a_cancelled_job() {
    let (mut chain, lease) = short(terms());
    chain.do_cancel_job(&lease.job);
    let call = chain.extend_lease(&lease, Seconds(1));
    chain.refuses(&call, MarketError::JobNotOpen);
}

#[test]
fn refuses_a_member_of_a_round() {
    let Round { mut chain, leases, .. } = Round::new(2, 3);
    let call = chain.extend_lease(&leases[0], Seconds(1));
    chain.refuses(&call, MarketError::NotForQuorum);
}

#[test]
fn refuses_a_lease_that_has_ended() {
    let Scene { mut chain, lease, .. } = Scene::reported(disputable());
    let call = chain.extend_lease(&lease, Seconds(1));
    chain.refuses(&call, MarketError::LeaseNotLive);
}
