use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::ProviderClosed;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{MicroUsdc, PricePerGpuHour, Seconds};
use millrace_testkit::{Environment, ProviderHandle, hardware, parameters, usdc};

use crate::scene::Scene;

fn registered() -> (Environment, ProviderHandle) {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(10));
    let provider = chain.do_register_provider(&owner);
    (chain, provider)
}

#[test]
fn a_whole_life_leaves_nothing_behind() {
    let Scene { mut chain, node, lease, .. } = Scene::new();
    let provider = node.provider.clone();
    let sol = chain.lamports(&provider.owner.address());
    let held: u64 = [provider.address, provider.stake_vault, provider.earnings_vault, node.address]
        .iter()
        .map(|address| chain.lamports(address))
        .sum();
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(100), ExitClass::Released);

    let busy = |chain: &mut Environment| {
        let call = chain.close_provider(&provider);
        chain.refuses(&call, MarketError::ProviderBusy);
    };
    busy(&mut chain);
    chain.do_remove_node(&node);
    busy(&mut chain);
    chain.do_request_unstake(&provider, usdc(100));
    busy(&mut chain);
    chain.advance(parameters().unbonding);
    chain.do_withdraw_stake(&provider);
    busy(&mut chain);
    chain.do_withdraw_earnings(&provider);
    busy(&mut chain);
    chain.do_sweep_fees(&provider);
    let event: ProviderClosed = chain.do_close_provider(&provider).event();

    for address in [provider.address, provider.stake_vault, provider.earnings_vault, node.address] {
        assert!(!chain.exists(&address));
    }
    assert_eq!(chain.lamports(&provider.owner.address()), sol + held);
    assert_eq!(chain.tokens(&provider.owner.tokens).0, usdc(100).0 + 95_000);
    let expected = ProviderClosed {
        provider: provider.address,
        owner: provider.owner.address(),
        staked: usdc(100).0,
        slashed: 0,
        stake_withdrawn: usdc(100).0,
        earnings_received: 100_000,
        earnings_withdrawn: 95_000,
        earnings_swept: 5_000,
        stake_vault_before: 0,
        stake_vault_after: 0,
        earnings_vault_before: 0,
        earnings_vault_after: 0,
        owner_before: usdc(100).0 + 95_000,
        owner_after: usdc(100).0 + 95_000,
        at: chain.now().0,
    };
    assert_eq!(event, expected);
}

#[test]
fn what_strangers_sent_blocks_nothing_and_goes_to_the_owner() {
    let (mut chain, provider) = registered();
    chain.put_tokens(provider.stake_vault, provider.address, chain.mint, MicroUsdc(3));
    chain.put_tokens(provider.earnings_vault, provider.address, chain.mint, MicroUsdc(4));
    let event: ProviderClosed = chain.do_close_provider(&provider).event();
    assert_eq!((event.stake_vault_before, event.stake_vault_after), (3, 0));
    assert_eq!((event.earnings_vault_before, event.earnings_vault_after), (4, 0));
    assert_eq!((event.owner_before, event.owner_after), (usdc(10).0, usdc(10).0 + 7));
    assert_eq!(chain.tokens(&provider.owner.tokens).0, usdc(10).0 + 7);
    assert!(!chain.exists(&provider.stake_vault) && !chain.exists(&provider.earnings_vault));
}

#[test]
fn a_closed_provider_is_gone_until_its_owner_registers_again() {
    let (mut chain, provider) = registered();
    let call = chain.close_provider(&provider);
    chain.send(&call).unwrap();
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
    let again = chain.do_register_provider(&provider.owner);
    assert_eq!(again.address, provider.address);
}

#[test]
fn refuses_one_of_each_that_is_left() {
    let (mut chain, provider) = registered();
    let good = chain.provider(&provider.address);
    let mut fork = chain.fork();
    fork.do_add_node(&provider, hardware(), PricePerGpuHour(1));
    let call = fork.close_provider(&provider);
    fork.refuses(&call, MarketError::ProviderBusy);
    let mut fork = chain.fork();
    fork.do_add_stake(&provider, MicroUsdc(1));
    let call = fork.close_provider(&provider);
    fork.refuses(&call, MarketError::ProviderBusy);
    for (owner, fees) in [(1, 0), (0, 1)] {
        let mut left = good;
        (left.earnings_owner, left.earnings_fees, left.earnings_received) = (owner, fees, 1);
        chain.put(provider.address, &left);
        let call = chain.close_provider(&provider);
        chain.refuses(&call, MarketError::ProviderBusy);
    }
}

#[test]
fn refuses_tokens_of_another_mint_or_of_somebody_else() {
    let (mut chain, provider) = registered();
    let mut call = chain.close_provider(&provider);
    call.accounts.owner_tokens = Pubkey::new_unique();
    chain.put_tokens(call.accounts.owner_tokens, provider.owner.address(), Pubkey::new_unique(), usdc(0));
    chain.refuses(&call, MarketError::WrongMint);
    let mut call = chain.close_provider(&provider);
    call.accounts.owner_tokens = chain.wallet(usdc(0)).tokens;
    chain.refuses(&call, MarketError::WrongTokenOwner);
}

#[test]
fn refuses_other_vaults() {
    let (mut chain, provider) = registered();
    let other = chain.rig(usdc(50)).provider;
    for vault in [other.stake_vault, provider.earnings_vault] {
        let mut call = chain.close_provider(&provider);
        call.accounts.stake_vault = vault;
        chain.refuses(&call, MarketError::WrongVault);
    }
    for vault in [other.earnings_vault, provider.stake_vault] {
        let mut call = chain.close_provider(&provider);
        call.accounts.earnings_vault = vault;
        chain.refuses(&call, MarketError::WrongVault);
    }
}

#[test]
fn refuses_another_rent_payer() {
    let (mut chain, provider) = registered();
    let mut call = chain.close_provider(&provider);
    call.accounts.rent_payer = chain.wallet(usdc(0)).address();
    chain.refuses(&call, MarketError::WrongRentPayer);
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let (mut chain, provider) = registered();
    let owner = chain.wallet(usdc(0));
    let call = chain.close_provider(&ProviderHandle { owner, ..provider });
    chain.refuses(&call, MarketError::WrongOwner);
}
