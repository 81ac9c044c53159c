use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::StakeWithdrawn;
use millrace_testkit::protocol::{MicroUsdc, Seconds};
use millrace_testkit::{Environment, NodeHandle, ProviderHandle, parameters, usdc};

use crate::scene::Scene;

/// 6 of 100 USDC have just unlocked; one lease is live.
fn unlocked() -> (Environment, ProviderHandle) {
    let Scene { mut chain, node, .. } = Scene::new();
    chain.do_request_unstake(&node.provider, usdc(6));
    chain.advance(parameters().unbonding);
    (chain, node.provider)
}

#[test]
fn pays_out_what_has_unlocked() {
    let (mut chain, provider) = unlocked();
    let event: StakeWithdrawn = chain.do_withdraw_stake(&provider).event();

    let state = chain.provider(&provider.address);
    assert_eq!((state.stake_total, state.stake_locked), (usdc(94).0, 3_600_000));
    assert_eq!((state.staked, state.stake_withdrawn, state.unbonding[0].amount), (usdc(100).0, usdc(6).0, 0));
    assert_eq!(chain.tokens(&provider.stake_vault), usdc(94));
    assert_eq!(chain.tokens(&provider.owner.tokens), usdc(6));
    let expected = StakeWithdrawn {
        provider: provider.address,
        owner: provider.owner.address(),
        amount: usdc(6).0,
        owner_before: 0,
        owner_after: usdc(6).0,
        stake_vault_before: usdc(100).0,
        stake_vault_after: usdc(94).0,
        stake_locked: 3_600_000,
        at: chain.now().0,
    };
    assert_eq!(event, expected);
    chain.ledger().check();
}

#[test]
fn pays_once() {
    let (mut chain, provider) = unlocked();
    chain.do_withdraw_stake(&provider);
    let call = chain.withdraw_stake(&provider);
    chain.refuses(&call, MarketError::DeadlineNotPassed);
}

#[test]
fn pays_nothing_a_second_before_it_unlocks() {
    let Scene { mut chain, node: NodeHandle { provider, .. }, .. } = Scene::new();
    chain.do_request_unstake(&provider, usdc(6));
    chain.advance(Seconds(parameters().unbonding.0 - 1));
    let call = chain.withdraw_stake(&provider);
    chain.refuses(&call, MarketError::DeadlineNotPassed);
    chain.advance(Seconds(1));
    chain.do_withdraw_stake(&provider);
}

#[test]
fn pays_the_portions_that_have_unlocked_and_leaves_the_others() {
    let Scene { mut chain, node: NodeHandle { provider, .. }, .. } = Scene::new();
    chain.do_request_unstake(&provider, usdc(1));
    chain.do_request_unstake(&provider, usdc(2));
    chain.advance(Seconds(1));
    chain.do_request_unstake(&provider, usdc(4));
    chain.advance(Seconds(parameters().unbonding.0 - 1));
    let event: StakeWithdrawn = chain.do_withdraw_stake(&provider).event();
    assert_eq!(event.amount, usdc(3).0);
    chain.advance(Seconds(1));
    let event: StakeWithdrawn = chain.do_withdraw_stake(&provider).event();
    assert_eq!(event.amount, usdc(4).0);
}

#[test]
fn a_slash_of_what_is_locked_leaves_what_is_on_its_way_out() {
    let Scene { mut chain, node: NodeHandle { provider, .. }, lease, .. } = Scene::new();
    let free = MicroUsdc(usdc(100).0 - 3_600_000);
    chain.do_request_unstake(&provider, free);
    chain.advance(Seconds(300));
    chain.do_expire_lease(&lease);
    chain.advance(parameters().unbonding);
    chain.do_withdraw_stake(&provider);
    assert_eq!(chain.tokens(&provider.owner.tokens), free);
    assert_eq!(chain.tokens(&provider.stake_vault).0, 3_600_000 - 360_000);
    chain.ledger().check();
}

#[test]
fn refuses_tokens_of_another_mint() {
    let (mut chain, provider) = unlocked();
    let mut call = chain.withdraw_stake(&provider);
    call.accounts.owner_tokens = Pubkey::new_unique();
    chain.put_tokens(call.accounts.owner_tokens, provider.owner.address(), Pubkey::new_unique(), usdc(0));
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn refuses_tokens_of_somebody_else() {
    let (mut chain, provider) = unlocked();
    let mut call = chain.withdraw_stake(&provider);
    call.accounts.owner_tokens = chain.wallet(usdc(0)).tokens;
    chain.refuses(&call, MarketError::WrongTokenOwner);
}

#[test]
fn refuses_another_vault() {
    let (mut chain, provider) = unlocked();
    let other = chain.rig(usdc(50)).provider;
    for vault in [other.stake_vault, provider.earnings_vault] {
        let mut call = chain.withdraw_stake(&provider);
        call.accounts.stake_vault = vault;
        chain.refuses(&call, MarketError::WrongVault);
    }
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let (mut chain, provider) = unlocked();
    let owner = chain.wallet(usdc(0));
    let call = chain.withdraw_stake(&ProviderHandle { owner, ..provider });
    chain.refuses(&call, MarketError::WrongOwner);
}

#[test]
fn refuses_a_vault_that_would_not_hold_the_rest() {
    let (mut chain, provider) = unlocked();
    chain.put_tokens(provider.stake_vault, provider.address, chain.mint, MicroUsdc(usdc(100).0 - 1));
    let call = chain.withdraw_stake(&provider);
    chain.refuses(&call, MarketError::VaultShort);
}
