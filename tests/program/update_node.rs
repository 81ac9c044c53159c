use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::NodeUpdated;
use millrace_testkit::program::types::NodeOffer;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{Hardware, Seconds};
use millrace_testkit::{hardware, usdc};

use crate::attested::attested;
use crate::scene::Scene;

fn larger() -> Hardware {
    Hardware { gpu_count: 4, ..hardware() }
}

#[test]
fn changes_prices_and_service_level_while_leased() {
    let Scene { mut chain, node, lease, .. } = Scene::new();
    let lease_before = chain.lease(&lease.address);
    chain.put(node.address, &attested(chain.node(&node.address)));
    let (before, at) = (chain.node(&node.address), chain.now().0);
    let old = chain.offer(&node);
    let new = NodeOffer { price: 7, spot_price: 0, service_level: 1, ..old };
    let event: NodeUpdated = chain.do_update_node(&node, new).event();

    let mut expected = before;
    (expected.price, expected.spot_price, expected.service_level) = (7, 0, 1);
    assert_eq!(chain.node(&node.address), expected);
    let expected = NodeUpdated {
        node: node.address,
        provider: node.provider.address,
        before: old,
        after: new,
        attestation_class_before: 2,
        attestation_class_after: 2,
        at,
    };
    assert_eq!(event, expected);
    assert_eq!(chain.lease(&lease.address), lease_before);
}

#[test]
fn other_hardware_waits_for_leases_and_is_attested_anew() {
    let Scene { mut chain, node, lease, .. } = Scene::new();
    let unattested = chain.node(&node.address);
    chain.put(node.address, &attested(unattested));
    let offer = NodeOffer { hardware: larger().into(), ..chain.offer(&node) };
    let call = chain.update_node(&node, offer);
    chain.refuses(&call, MarketError::NodeBusy);

    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(60), ExitClass::Released);
    let event: NodeUpdated = chain.do_update_node(&node, offer).event();
    assert_eq!((event.before.hardware, event.after.hardware), (hardware().into(), larger().into()));
    assert_eq!((event.attestation_class_before, event.attestation_class_after), (2, 0));
    let mut expected = unattested;
    (expected.hardware, expected.leased) = (larger().into(), 0);
    assert_eq!(chain.node(&node.address), expected);
}

#[test]
fn other_software_is_attested_anew() {
    let Scene { mut chain, node, .. } = Scene::new();
    let unattested = chain.node(&node.address);
    let old = chain.offer(&node);
    for new in
        [NodeOffer { driver: 580_000, ..old }, NodeOffer { cuda: 13_000, ..old }, NodeOffer { capabilities: 1, ..old }]
    {
        chain.put(node.address, &attested(unattested));
        let event: NodeUpdated = chain.do_update_node(&node, new).event();
        assert_eq!((event.before, event.after), (old, new));
        assert_eq!((event.attestation_class_before, event.attestation_class_after), (2, 0));
        let mut expected = unattested;
        (expected.driver, expected.cuda, expected.capabilities) = (new.driver, new.cuda, new.capabilities);
        assert_eq!(chain.node(&node.address), expected);
    }
}

#[test]
fn refuses_impossible_hardware() {
    let Scene { mut chain, node, .. } = Scene::new();
    for bad in [
        Hardware { gpu_class: 200, ..hardware() },
        Hardware { gpu_count: 0, ..hardware() },
        Hardware { country: *b"d!", ..hardware() },
    ] {
        let call = chain.update_node(&node, NodeOffer { hardware: bad.into(), ..chain.offer(&node) });
        chain.refuses(&call, MarketError::HardwareInvalid);
    }
}

#[test]
fn refuses_work_for_nothing_and_levels_that_do_not_exist() {
    let Scene { mut chain, node, .. } = Scene::new();
    let call = chain.update_node(&node, NodeOffer { price: 0, ..chain.offer(&node) });
    chain.refuses(&call, MarketError::AmountZero);
    let call = chain.update_node(&node, NodeOffer { service_level: 3, ..chain.offer(&node) });
    chain.refuses(&call, MarketError::InvariantBroken);
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let Scene { mut chain, mut node, .. } = Scene::new();
    node.provider.owner = chain.wallet(usdc(0));
    let call = chain.update_node(&node, chain.offer(&node));
    chain.refuses(&call, MarketError::WrongOwner);
}

#[test]
fn refuses_another_providers_node() {
    let Scene { mut chain, node, .. } = Scene::new();
    let other = chain.rig(usdc(50));
    let mut call = chain.update_node(&node, chain.offer(&node));
    call.accounts.node = other.address;
    chain.refuses(&call, MarketError::WrongProvider);
}
