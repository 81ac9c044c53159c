use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::ProviderStatusSet;
use millrace_testkit::protocol::MicroUsdc;
use millrace_testkit::{ProviderHandle, usdc};

use crate::scene::Scene;

#[test]
fn a_draining_provider_takes_no_lease_until_it_resumes() {
    let Scene { mut chain, node, job, .. } = Scene::new();
    let before = chain.provider(&node.provider.address);
    let event: ProviderStatusSet = chain.do_set_provider_status(&node.provider, true).event();
    let at = chain.now().0;
    assert_eq!(event, ProviderStatusSet { provider: node.provider.address, before: 0, after: 1, at });
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::ProviderNotActive);
    let event: ProviderStatusSet = chain.do_set_provider_status(&node.provider, false).event();
    assert_eq!((event.before, event.after), (1, 0));
    assert_eq!(chain.provider(&node.provider.address), before);
    chain.do_open_lease(&job, &node);
}

#[test]
fn refuses_to_resume_below_the_floor() {
    let Scene { mut chain, node, .. } = Scene::new();
    chain.do_set_provider_status(&node.provider, true);
    // 3 USDC against the newcomer's one are exactly the floor of 25 %.
    chain.put_reputation(&node.provider, MicroUsdc(usdc(3).0 + 1_000));
    let call = chain.set_provider_status(&node.provider, false);
    chain.refuses(&call, MarketError::ReputationTooLow);
    chain.put_reputation(&node.provider, usdc(3));
    chain.do_set_provider_status(&node.provider, false);
}

#[test]
fn refuses_what_is_delisted() {
    let Scene { mut chain, node, .. } = Scene::new();
    chain.put_reputation(&node.provider, usdc(4));
    chain.do_delist_provider(&node.provider);
    chain.put_reputation(&node.provider, usdc(0));
    for draining in [true, false] {
        let call = chain.set_provider_status(&node.provider, draining);
        chain.refuses(&call, MarketError::ProviderNotActive);
    }
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let Scene { mut chain, node, .. } = Scene::new();
    let owner = chain.wallet(usdc(0));
    let call = chain.set_provider_status(&ProviderHandle { owner, ..node.provider }, true);
    chain.refuses(&call, MarketError::WrongOwner);
}
