use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::ProviderDelisted;
use millrace_testkit::protocol::MicroUsdc;
use millrace_testkit::usdc;

use crate::scene::Scene;

#[test]
fn a_reputation_below_the_floor_ends_new_leases() {
    let Scene { mut chain, node, job, .. } = Scene::new();
    // 3 USDC against the newcomer's one are exactly the floor of 25 %.
    chain.put_reputation(&node.provider, usdc(3));
    let call = chain.delist_provider(&node.provider);
    chain.refuses(&call, MarketError::ReputationAboveFloor);
    chain.put_reputation(&node.provider, MicroUsdc(usdc(3).0 + 1_000));
    let before = chain.provider(&node.provider.address);
    let event: ProviderDelisted = chain.do_delist_provider(&node.provider).event();

    let mut expected = before;
    expected.status = 2;
    assert_eq!(chain.provider(&node.provider.address), expected);
    let expected = ProviderDelisted {
        provider: node.provider.address,
        owner: node.provider.owner.address(),
        score_bps: 2_499,
        floor_bps: 2_500,
        status_before: 0,
        status_after: 2,
        at: chain.now().0,
    };
    assert_eq!(event, expected);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::ProviderNotActive);
}

#[test]
fn refuses_what_takes_no_leases_already() {
    let Scene { mut chain, node, .. } = Scene::new();
    chain.put_reputation(&node.provider, usdc(4));
    chain.do_set_provider_status(&node.provider, true);
    let call = chain.delist_provider(&node.provider);
    chain.refuses(&call, MarketError::ProviderNotActive);
    let mut state = chain.provider(&node.provider.address);
    state.status = 0;
    chain.put(node.provider.address, &state);
    chain.do_delist_provider(&node.provider);
    let call = chain.delist_provider(&node.provider);
    chain.refuses(&call, MarketError::ProviderNotActive);
}
