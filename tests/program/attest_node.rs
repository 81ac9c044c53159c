use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::NodeAttested;
use millrace_testkit::protocol::{HardwareAttestation, HardwareClass, MicroUsdc, Seconds, UnixSeconds};
use millrace_testkit::{Environment, NodeHandle, Signer, usdc};

fn ready() -> (Environment, NodeHandle) {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(100));
    (chain, node)
}

fn challenged(expires_at: UnixSeconds) -> HardwareAttestation {
    HardwareAttestation { class: HardwareClass::Challenged, expires_at }
}

#[test]
fn writes_down_what_the_scheduler_has_seen_and_who_it_was() {
    let (mut chain, node) = ready();
    let until = chain.now().after(Seconds(1_000)).unwrap();
    let event: NodeAttested = chain.do_attest_node(&node, challenged(until)).event();

    let state = chain.node(&node.address);
    assert_eq!((state.attestation_class, state.attestation_expires_at), (1, until.0));
    assert_eq!((state.attestation_digest, state.attestation_score), ([8; 32], 970));
    assert_eq!(state.attestor, chain.scheduler.pubkey());
    assert_eq!((event.class_before, event.class_after), (0, 1));
    assert_eq!((event.expires_at_before, event.expires_at_after), (0, until.0));
    assert_eq!((event.node, event.provider), (node.address, node.provider.address));
    assert_eq!((event.attestor, event.digest, event.score), (chain.scheduler.pubkey(), [8; 32], 970));
    assert_eq!(event.at, chain.now().0);
}

#[test]
fn a_later_attestation_replaces_the_earlier_one_and_class_zero_takes_it_back() {
    let (mut chain, node) = ready();
    let until = chain.now().after(Seconds(1_000)).unwrap();
    chain.do_attest_node(&node, challenged(until));
    let event: NodeAttested = chain.do_attest_node(&node, HardwareAttestation::default()).event();
    assert_eq!((event.class_before, event.class_after, event.expires_at_after), (1, 0, 0));
    assert_eq!(chain.node(&node.address).attestation_class, 0);
}

#[test]
fn refuses_an_attestation_that_has_expired() {
    let (mut chain, node) = ready();
    let now = chain.now();
    let call = chain.attest_node(&node, challenged(now));
    chain.refuses(&call, MarketError::DeadlinePassed);
    chain.do_attest_node(&node, challenged(UnixSeconds(now.0 + 1)));
}

#[test]
fn refuses_a_class_that_does_not_exist() {
    let (mut chain, node) = ready();
    let mut call = chain.attest_node(&node, challenged(chain.now().after(Seconds(1)).unwrap()));
    call.data.args.class = 3;
    chain.refuses(&call, MarketError::HardwareInvalid);
}

#[test]
fn refuses_whoever_is_not_the_scheduler() {
    let (mut chain, node) = ready();
    let attestation = challenged(chain.now().after(Seconds(1)).unwrap());
    let call = chain.attest_node(&node, attestation).without_signature_of(chain.scheduler.pubkey());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
    for other in [node.provider.owner.clone(), chain.wallet(MicroUsdc::ZERO)] {
        let mut call = chain.attest_node(&node, attestation);
        call.accounts.scheduler = other.address();
        call.signers.push(other.key);
        chain.refuses(&call, MarketError::WrongScheduler);
    }
}

#[test]
fn refuses_another_config_and_what_is_no_node() {
    let (mut chain, node) = ready();
    let attestation = challenged(chain.now().after(Seconds(1)).unwrap());
    let mut call = chain.attest_node(&node, attestation);
    call.accounts.config = chain.forge(Environment::config_address(), millrace_testkit::program::ID);
    chain.refuses(&call, ErrorCode::ConstraintAddress);
    let mut call = chain.attest_node(&node, attestation);
    call.accounts.node = node.provider.address;
    chain.refuses(&call, ErrorCode::AccountDiscriminatorMismatch);
}
