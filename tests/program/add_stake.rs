use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::StakeAdded;
use millrace_testkit::protocol::MicroUsdc;
use millrace_testkit::{Environment, ProviderHandle, usdc};

fn registered() -> (Environment, ProviderHandle) {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(10));
    let provider = chain.do_register_provider(&owner);
    (chain, provider)
}

#[test]
fn moves_money_into_the_vault_and_the_books() {
    let (mut chain, provider) = registered();
    chain.do_add_stake(&provider, usdc(4));
    let event: StakeAdded = chain.do_add_stake(&provider, usdc(3)).event();

    let state = chain.provider(&provider.address);
    assert_eq!((state.stake_total, state.staked, state.stake_locked), (usdc(7).0, usdc(7).0, 0));
    assert_eq!(chain.tokens(&provider.stake_vault), usdc(7));
    assert_eq!(chain.tokens(&provider.owner.tokens), usdc(3));
    assert_eq!((event.amount, event.owner_before, event.owner_after), (usdc(3).0, usdc(6).0, usdc(3).0));
    assert_eq!((event.stake_vault_before, event.stake_vault_after), (usdc(4).0, usdc(7).0));
}

#[test]
fn refuses_nothing_at_all() {
    let (mut chain, provider) = registered();
    let call = chain.add_stake(&provider, MicroUsdc::ZERO);
    chain.refuses(&call, MarketError::AmountZero);
}

#[test]
fn refuses_more_than_there_is() {
    let (mut chain, provider) = registered();
    let call = chain.add_stake(&provider, MicroUsdc(usdc(10).0 + 1));
    chain.refuses(&call, 1);
}

#[test]
fn refuses_a_total_over_64_bits() {
    let (mut chain, provider) = registered();
    chain.do_add_stake(&provider, MicroUsdc(1));
    let call = chain.add_stake(&provider, MicroUsdc::MAX);
    chain.refuses(&call, MarketError::Overflow);
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let (mut chain, provider) = registered();
    let stranger = chain.wallet(usdc(10));
    let call = chain.add_stake(&ProviderHandle { owner: stranger, ..provider }, usdc(1));
    chain.refuses(&call, MarketError::WrongOwner);
}

#[test]
fn refuses_without_the_owners_signature() {
    let (mut chain, provider) = registered();
    let call = chain.add_stake(&provider, usdc(1)).without_signature_of(provider.owner.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn refuses_tokens_of_another_mint() {
    let (mut chain, provider) = registered();
    let mut call = chain.add_stake(&provider, usdc(1));
    call.accounts.owner_tokens = Pubkey::new_unique();
    chain.put_tokens(call.accounts.owner_tokens, provider.owner.address(), Pubkey::new_unique(), usdc(1));
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn refuses_tokens_of_somebody_else() {
    let (mut chain, provider) = registered();
    let mut call = chain.add_stake(&provider, usdc(1));
    call.accounts.owner_tokens = chain.wallet(usdc(1)).tokens;
    chain.refuses(&call, MarketError::WrongTokenOwner);
}

#[test]
fn refuses_another_vault() {
    let (mut chain, provider) = registered();
    let other = chain.rig(usdc(1)).provider;
    for vault in [other.stake_vault, provider.earnings_vault] {
        let mut call = chain.add_stake(&provider, usdc(1));
        call.accounts.stake_vault = vault;
        chain.refuses(&call, MarketError::WrongVault);
    }
}
