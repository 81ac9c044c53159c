use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::UnstakeRequested;
use millrace_testkit::protocol::{MicroUsdc, Seconds};
use millrace_testkit::{ProviderHandle, parameters, usdc};

use crate::scene::Scene;

/// Of the 100 USDC that the provider staked.
const LOCKED: MicroUsdc = MicroUsdc(3_600_000);
const FREE: MicroUsdc = MicroUsdc(96_400_000);

#[test]
fn puts_free_stake_on_its_way_out() {
    let Scene { mut chain, node, .. } = Scene::new();
    let provider = node.provider;
    let event: UnstakeRequested = chain.do_request_unstake(&provider, usdc(6)).event();

    let state = chain.provider(&provider.address);
    let unlocks_at = chain.now().0 + parameters().unbonding.0;
    assert_eq!((state.unbonding[0].amount, state.unbonding[0].unlocks_at), (usdc(6).0, unlocks_at));
    assert_eq!((state.stake_total, state.stake_locked, state.stake_withdrawn), (usdc(100).0, LOCKED.0, 0));
    assert_eq!(chain.tokens(&provider.stake_vault), usdc(100));
    let expected = UnstakeRequested {
        provider: provider.address,
        owner: provider.owner.address(),
        amount: usdc(6).0,
        unlocks_at,
        free_before: FREE.0,
        free_after: FREE.0 - usdc(6).0,
        stake_total: usdc(100).0,
        stake_locked: LOCKED.0,
        at: chain.now().0,
    };
    assert_eq!(event, expected);
    chain.ledger().check();
}

#[test]
fn what_is_locked_stays() {
    let Scene { mut chain, node, .. } = Scene::new();
    let call = chain.request_unstake(&node.provider, MicroUsdc(FREE.0 + 1));
    chain.refuses(&call, MarketError::StakeTooSmall);
    chain.do_request_unstake(&node.provider, FREE);
    let call = chain.request_unstake(&node.provider, MicroUsdc(1));
    chain.refuses(&call, MarketError::StakeTooSmall);
}

#[test]
fn what_is_on_its_way_out_backs_no_lease() {
    let Scene { mut chain, node, job, .. } = Scene::new();
    chain.do_request_unstake(&node.provider, MicroUsdc(FREE.0 - LOCKED.0 + 1));
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::StakeTooSmall);
    let owner = &node.provider.owner;
    chain.put_tokens(owner.tokens, owner.address(), chain.mint, MicroUsdc(1));
    chain.do_add_stake(&node.provider, MicroUsdc(1));
    chain.do_open_lease(&job, &node);
    chain.ledger().check();
}

#[test]
fn there_are_four_places() {
    let Scene { mut chain, node, .. } = Scene::new();
    for _ in 0..4 {
        chain.do_request_unstake(&node.provider, usdc(1));
        chain.advance(Seconds(1));
    }
    let call = chain.request_unstake(&node.provider, usdc(1));
    chain.refuses(&call, MarketError::UnbondingFull);
    chain.advance(Seconds(parameters().unbonding.0 - 4));
    chain.do_withdraw_stake(&node.provider);
    chain.do_request_unstake(&node.provider, usdc(1));
}

#[test]
fn refuses_nothing_at_all() {
    let Scene { mut chain, node, .. } = Scene::new();
    let call = chain.request_unstake(&node.provider, MicroUsdc::ZERO);
    chain.refuses(&call, MarketError::AmountZero);
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let Scene { mut chain, node, .. } = Scene::new();
    let owner = chain.wallet(usdc(0));
    let call = chain.request_unstake(&ProviderHandle { owner, ..node.provider }, usdc(1));
    chain.refuses(&call, MarketError::WrongOwner);
}
