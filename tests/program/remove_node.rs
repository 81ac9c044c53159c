use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::NodeRemoved;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{PricePerGpuHour, Seconds};
use millrace_testkit::{Environment, Signer, hardware, usdc};

use crate::scene::Scene;

const PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);

#[test]
fn gives_the_rent_back_and_never_uses_the_index_again() {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(0));
    let provider = chain.do_register_provider(&owner);
    let sol = chain.lamports(&owner.address());
    let node = chain.do_add_node(&provider, hardware(), PRICE);
    let event: NodeRemoved = chain.do_remove_node(&node).event();

    assert!(!chain.exists(&node.address));
    assert_eq!(chain.lamports(&owner.address()), sol);
    let state = chain.provider(&provider.address);
    assert_eq!((state.nodes, state.nodes_added), (0, 1));
    let expected = NodeRemoved {
        node: node.address,
        provider: provider.address,
        index: 0,
        node_key: node.key.pubkey(),
        nodes_before: 1,
        nodes_after: 0,
        at: chain.now().0,
    };
    assert_eq!(event, expected);

    let next = chain.do_add_node(&provider, hardware(), PRICE);
    assert_ne!(next.address, node.address);
    assert_eq!(chain.node(&next.address).index, 1);
    let mut again = chain.add_node(&provider, &node.key, hardware(), PRICE);
    again.accounts.node = node.address;
    chain.refuses(&again, anchor_lang::error::ErrorCode::ConstraintSeeds);
}

#[test]
fn waits_for_live_leases() {
    let Scene { mut chain, node, lease, .. } = Scene::new();
    let call = chain.remove_node(&node);
    chain.refuses(&call, MarketError::NodeBusy);
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(60), ExitClass::Released);
    chain.do_remove_node(&node);
    chain.ledger().check();
}

#[test]
fn a_node_is_removed_once() {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(50));
    chain.do_add_node(&node.provider, hardware(), PRICE);
    let call = chain.remove_node(&node);
    chain.send(&call).unwrap();
    chain.refuses(&call, anchor_lang::error::ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn refuses_another_rent_payer() {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(50));
    let mut call = chain.remove_node(&node);
    call.accounts.rent_payer = chain.wallet(usdc(0)).address();
    chain.refuses(&call, MarketError::WrongRentPayer);
}

#[test]
fn refuses_a_count_of_nodes_that_is_wrong() {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(50));
    let mut state = chain.provider(&node.provider.address);
    state.nodes = 0;
    chain.put(node.provider.address, &state);
    let call = chain.remove_node(&node);
    chain.refuses(&call, MarketError::InvariantBroken);
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let Scene { mut chain, mut node, .. } = Scene::new();
    node.provider.owner = chain.wallet(usdc(0));
    let call = chain.remove_node(&node);
    chain.refuses(&call, MarketError::WrongOwner);
}

#[test]
fn refuses_another_providers_node() {
    let Scene { mut chain, node, .. } = Scene::new();
    let other = chain.rig(usdc(50));
    let mut call = chain.remove_node(&node);
    call.accounts.node = other.address;
    chain.refuses(&call, MarketError::WrongProvider);
}
