use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::NodeStatusSet;
use millrace_testkit::usdc;

use crate::scene::Scene;

#[test]
fn a_draining_node_takes_no_lease_until_it_resumes() {
    let Scene { mut chain, node, job, .. } = Scene::new();
    let before = chain.node(&node.address);
    let event: NodeStatusSet = chain.do_set_node_status(&node, true).event();
    let (provider, at) = (node.provider.address, chain.now().0);
    assert_eq!(event, NodeStatusSet { node: node.address, provider, before: 0, after: 1, at });
    let mut drained = before;
    drained.status = 1;
    assert_eq!(chain.node(&node.address), drained);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::NodeNotActive);
    let event: NodeStatusSet = chain.do_set_node_status(&node, false).event();
    assert_eq!((event.before, event.after), (1, 0));
    assert_eq!(chain.node(&node.address), before);
    chain.do_open_lease(&job, &node);
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let Scene { mut chain, mut node, .. } = Scene::new();
    node.provider.owner = chain.wallet(usdc(0));
    let call = chain.set_node_status(&node, true);
    chain.refuses(&call, MarketError::WrongOwner);
}

#[test]
fn refuses_another_providers_node() {
    let Scene { mut chain, node, .. } = Scene::new();
    let other = chain.rig(usdc(50));
    let mut call = chain.set_node_status(&node, true);
    call.accounts.node = other.address;
    chain.refuses(&call, MarketError::WrongProvider);
}
