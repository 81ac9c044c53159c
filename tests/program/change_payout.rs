use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::PayoutChanged;
use millrace_testkit::{Environment, ProviderHandle, parameters, usdc};

fn registered() -> (Environment, ProviderHandle) {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(10));
    let provider = chain.do_register_provider(&owner);
    (chain, provider)
}

#[test]
fn another_owner_counts_after_the_delay() {
    let (mut chain, provider) = registered();
    let (owner, next) = (provider.owner.address(), chain.wallet(usdc(0)).address());
    let before = chain.provider(&provider.address);
    let event: PayoutChanged = chain.do_change_payout(&provider, next).event();

    let (at, from) = (chain.now(), chain.now().0 + parameters().payout_delay.0);
    let state = chain.provider(&provider.address);
    let mut expected = before;
    (expected.next_payout_owner, expected.next_payout_from) = (next, from);
    assert_eq!(state, expected);
    let expected = PayoutChanged {
        provider: provider.address,
        current: owner,
        next_before: owner,
        next_from_before: 0,
        next_after: next,
        next_from_after: from,
        at: at.0,
    };
    assert_eq!(event, expected);
}

#[test]
fn the_present_owner_withdraws_a_change() {
    let (mut chain, provider) = registered();
    let (owner, thief) = (provider.owner.address(), chain.wallet(usdc(0)).address());
    let before = chain.provider(&provider.address);
    chain.do_change_payout(&provider, thief);
    let event: PayoutChanged = chain.do_change_payout(&provider, owner).event();
    assert_eq!((event.current, event.next_before, event.next_after), (owner, thief, owner));
    assert_eq!(event.next_from_after, 0);
    assert_eq!(chain.provider(&provider.address), before);
}

#[test]
fn a_change_that_counts_is_where_the_next_begins() {
    let (mut chain, provider) = registered();
    let (second, third) = (chain.wallet(usdc(0)).address(), chain.wallet(usdc(0)).address());
    chain.do_change_payout(&provider, second);
    chain.advance(parameters().payout_delay);
    let event: PayoutChanged = chain.do_change_payout(&provider, third).event();
    assert_eq!((event.current, event.next_after), (second, third));
    assert_eq!(chain.provider(&provider.address).payout_owner, second);
}

#[test]
fn refuses_the_provider_itself() {
    let (mut chain, provider) = registered();
    let call = chain.change_payout(&provider, provider.address);
    chain.refuses(&call, MarketError::WrongPayoutOwner);
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let (mut chain, provider) = registered();
    let owner = chain.wallet(usdc(0));
    let thief = owner.address();
    let call = chain.change_payout(&ProviderHandle { owner, ..provider }, thief);
    chain.refuses(&call, MarketError::WrongOwner);
}

#[test]
fn refuses_the_payout_owner_where_it_is_another() {
    let (mut chain, provider) = registered();
    let owner = chain.wallet(usdc(0));
    let payout = owner.address();
    chain.do_change_payout(&provider, payout);
    chain.advance(parameters().payout_delay);
    let call = chain.change_payout(&ProviderHandle { owner, ..provider }, payout);
    chain.refuses(&call, MarketError::WrongOwner);
}
