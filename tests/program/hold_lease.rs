use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::LeaseHeld;
use millrace_testkit::protocol::{Parameters, PricePerGpuHour, Seconds};
use millrace_testkit::{Keypair, Signer, hardware, parameters, terms};

use crate::scene::{Scene, disputable};

/// Held for 1000 seconds at most, with 80 seconds attested a hundred seconds after the opening.
fn running() -> Scene {
    let mut scene = Scene::under(Parameters { hold_limit: Seconds(1_000), ..parameters() }, terms());
    scene.chain.advance(Seconds(100));
    scene.chain.do_settle(&scene.lease, Seconds(80));
    scene
}

#[test]
fn moves_the_checkpoint_on_and_meters_nothing() {
    let Scene { mut chain, lease, opened, .. } = running();
    chain.advance(Seconds(50));
    let event: LeaseHeld = chain.do_hold_lease(&lease).event();
    let state = chain.lease(&lease.address);
    assert_eq!((state.checkpoint_by, state.metered_seconds, state.paid), (opened.0 + 150 + 900, 80, 80_000));
    assert_eq!((event.checkpoint_by_before, event.checkpoint_by_after), (opened.0 + 1_000, opened.0 + 1_050));
    assert_eq!((event.lease, event.at), (lease.address, opened.0 + 150));
}

#[test]
fn a_lease_held_to_the_limit_ends_without_blame_and_the_time_attested_is_paid() {
    let mut scene = running();
    scene.chain.advance(Seconds(500));
    scene.chain.do_hold_lease(&scene.lease);
    let event = scene.expires_exactly_after(Seconds(100 + 1_000));
    assert_eq!((event.outcome, event.compensation, event.lease_paid), (8, 0, 80_000));
    let Scene { chain, node, job, .. } = scene;
    let state = chain.job(&job.address);
    assert_eq!((state.state, state.attempts_failed, state.compensation), (0, 0, 0));
    let provider = chain.provider(&node.provider.address);
    assert_eq!((provider.slashed, provider.stake_locked, provider.reputation_bad), (0, 0, 0));
}

#[test]
fn refuses_a_hold_that_moves_nothing() {
    let Scene { mut chain, lease, .. } = running();
    let call = chain.hold_lease(&lease);
    chain.refuses(&call, MarketError::HoldLimit);
    chain.advance(Seconds(500));
    chain.do_hold_lease(&lease);
    chain.advance(Seconds(1));
    chain.refuses(&call, MarketError::HoldLimit);
}

#[test]
fn a_voucher_starts_the_limit_anew() {
    let Scene { mut chain, lease, opened, .. } = running();
    chain.advance(Seconds(500));
    chain.do_hold_lease(&lease);
    chain.do_settle(&lease, Seconds(90));
    chain.advance(Seconds(400));
    chain.do_hold_lease(&lease);
    assert_eq!(chain.lease(&lease.address).checkpoint_by, opened.0 + 600 + 1_000);
}

#[test]
fn takes_it_one_second_before_the_checkpoint_and_not_at_it() {
    let Scene { mut chain, lease, .. } = running();
    let mut late = chain.fork();
    chain.advance(Seconds(899));
    chain.do_hold_lease(&lease);
    late.advance(Seconds(900));
    let call = late.hold_lease(&lease);
    late.refuses(&call, MarketError::DeadlinePassed);
}

#[test]
fn refuses_a_lease_that_does_not_run() {
    let Scene { mut chain, lease, .. } = Scene::new();
    let call = chain.hold_lease(&lease);
    chain.refuses(&call, MarketError::LeaseNotLive);
    let Scene { mut chain, lease, .. } = Scene::reported(disputable());
    let call = chain.hold_lease(&lease);
    chain.refuses(&call, MarketError::LeaseNotLive);
}

#[test]
fn refuses_whoever_is_not_the_node() {
    let Scene { mut chain, node, lease, .. } = running();
    chain.advance(Seconds(50));
    let call = chain.hold_lease(&lease).without_signature_of(node.key.pubkey());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
    let other = Keypair::new();
    let mut call = chain.hold_lease(&lease);
    call.accounts.node_key = other.pubkey();
    call.signers.push(other);
    chain.refuses(&call, MarketError::WrongNodeKey);
    let second = chain.do_add_node(&node.provider, hardware(), PricePerGpuHour(3_600_000));
    let mut call = chain.hold_lease(&lease);
    (call.accounts.node, call.accounts.node_key) = (second.address, second.key.pubkey());
    call.signers.push(second.key);
    chain.refuses(&call, MarketError::WrongNode);
}
