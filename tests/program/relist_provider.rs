use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::ProviderRelisted;
use millrace_testkit::protocol::{HALF_LIFE, Seconds};
use millrace_testkit::usdc;

use crate::scene::Scene;

#[test]
fn time_lists_a_provider_again() {
    let Scene { mut chain, node, .. } = Scene::new();
    // Half of it is exactly the floor of 25 %.
    chain.put_reputation(&node.provider, usdc(6));
    chain.do_delist_provider(&node.provider);
    chain.advance(Seconds(HALF_LIFE.0 - 1));
    let call = chain.relist_provider(&node.provider);
    chain.refuses(&call, MarketError::ReputationTooLow);
    chain.advance(Seconds(1));
    let before = chain.provider(&node.provider.address);
    let event: ProviderRelisted = chain.do_relist_provider(&node.provider).event();

    let mut expected = before;
    expected.status = 0;
    assert_eq!(chain.provider(&node.provider.address), expected);
    let expected = ProviderRelisted {
        provider: node.provider.address,
        owner: node.provider.owner.address(),
        score_bps: 2_500,
        floor_bps: 2_500,
        status_before: 2,
        status_after: 0,
        at: chain.now().0,
    };
    assert_eq!(event, expected);
}

#[test]
fn refuses_what_is_not_delisted() {
    let Scene { mut chain, node, .. } = Scene::new();
    for draining in [false, true] {
        chain.do_set_provider_status(&node.provider, draining);
        let call = chain.relist_provider(&node.provider);
        chain.refuses(&call, MarketError::ReputationAboveFloor);
    }
}
