use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::NodeKeyRotated;
use millrace_testkit::{Keypair, NodeHandle, Signer, usdc};

use crate::attested::attested;
use crate::scene::Scene;

#[test]
fn the_new_key_takes_over_at_once() {
    let Scene { mut chain, node, job, .. } = Scene::new();
    let (next, before) = (chain.key(), chain.node(&node.address));
    let event: NodeKeyRotated = chain.do_rotate_node_key(&node, &next).event();

    let mut expected = before;
    expected.node_key = next.pubkey();
    assert_eq!(chain.node(&node.address), expected);
    let expected = NodeKeyRotated {
        node: node.address,
        provider: node.provider.address,
        before: node.key.pubkey(),
        after: next.pubkey(),
        attestation_class_before: 0,
        attestation_class_after: 0,
        at: chain.now().0,
    };
    assert_eq!(event, expected);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::WrongNodeKey);
    chain.do_open_lease(&job, &NodeHandle { key: next, ..node });
}

#[test]
fn another_key_may_be_another_machine_and_is_attested_anew() {
    let Scene { mut chain, node, .. } = Scene::new();
    let unattested = chain.node(&node.address);
    chain.put(node.address, &attested(unattested));
    let next = chain.key();
    let event: NodeKeyRotated = chain.do_rotate_node_key(&node, &next).event();
    assert_eq!((event.attestation_class_before, event.attestation_class_after), (2, 0));
    let mut expected = unattested;
    expected.node_key = next.pubkey();
    assert_eq!(chain.node(&node.address), expected);
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let Scene { mut chain, mut node, .. } = Scene::new();
    node.provider.owner = chain.wallet(usdc(0));
    let call = chain.rotate_node_key(&node, &Keypair::new());
    chain.refuses(&call, MarketError::WrongOwner);
}

#[test]
fn refuses_another_providers_node() {
    let Scene { mut chain, node, .. } = Scene::new();
    let other = chain.rig(usdc(50));
    let mut call = chain.rotate_node_key(&node, &Keypair::new());
    call.accounts.node = other.address;
    chain.refuses(&call, MarketError::WrongProvider);
}
