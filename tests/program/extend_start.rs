use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::LeaseStartExtended;
use millrace_testkit::protocol::{PricePerGpuHour, Seconds, UnixSeconds};
use millrace_testkit::{Keypair, Signer, hardware};

use crate::scene::{Scene, disputable};

#[test]
fn gives_the_node_its_start_timeout_once_more_and_the_lease_its_length() {
    let mut scene = Scene::new();
    scene.chain.advance(Seconds(100));
    let event: LeaseStartExtended = scene.chain.do_extend_start(&scene.lease).event();

    let opened = scene.opened.0;
    let state = scene.chain.lease(&scene.lease.address);
    assert_eq!((state.start_by, state.ends_by), (opened + 600, opened + 600 + 3_600));
    assert_eq!((state.start_extended, state.paid, state.metered_seconds), (1, 0, 0));
    assert_eq!((event.start_by_before, event.start_by_after), (opened + 300, opened + 600));
    assert_eq!((event.ends_by_before, event.ends_by_after), (opened + 3_900, opened + 4_200));
    assert_eq!((event.lease, event.node, event.at), (scene.lease.address, scene.node.address, opened + 100));
    let settled = scene.expires_exactly_after(Seconds(600));
    assert_eq!((settled.outcome, settled.compensation), (4, 360_000));
}

#[test]
fn takes_it_one_second_before_the_start_deadline_and_not_at_it() {
    let Scene { mut chain, lease, opened, .. } = Scene::new();
    let late = chain.fork();
    chain.travel_to(UnixSeconds(opened.0 + 299));
    chain.do_extend_start(&lease);
    let mut chain = late;
    chain.travel_to(UnixSeconds(opened.0 + 300));
    let call = chain.extend_start(&lease);
    chain.refuses(&call, MarketError::DeadlinePassed);
}

#[test]
fn refuses_a_second_extension() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.do_extend_start(&lease);
    let call = chain.extend_start(&lease);
    chain.refuses(&call, MarketError::ExtendedAlready);
}

#[test]
fn refuses_a_lease_that_has_started_or_ended() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    chain.do_settle(&lease, Seconds(1));
    let call = chain.extend_start(&lease);
    chain.refuses(&call, MarketError::LeaseStarted);
    let Scene { mut chain, lease, .. } = Scene::reported(disputable());
    let call = chain.extend_start(&lease);
    chain.refuses(&call, MarketError::LeaseStarted);
}

#[test]
fn refuses_whoever_is_not_the_node() {
    let Scene { mut chain, node, lease, .. } = Scene::new();
    let call = chain.extend_start(&lease).without_signature_of(node.key.pubkey());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
    let other = Keypair::new();
    let mut call = chain.extend_start(&lease);
    call.accounts.node_key = other.pubkey();
    call.signers.push(other);
    chain.refuses(&call, MarketError::WrongNodeKey);
    let second = chain.do_add_node(&node.provider, hardware(), PricePerGpuHour(3_600_000));
    let mut call = chain.extend_start(&lease);
    (call.accounts.node, call.accounts.node_key) = (second.address, second.key.pubkey());
    call.signers.push(second.key);
    chain.refuses(&call, MarketError::WrongNode);
}
