use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::ProviderRegistered;
use millrace_testkit::protocol::MicroUsdc;
use millrace_testkit::{Environment, usdc};

#[test]
fn makes_a_provider_with_two_empty_vaults() {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(5));
    let provider = Environment::provider_of(&owner);
    let call = chain.register_provider(&owner, "Grüne Mühle");
    let event: ProviderRegistered = chain.send(&call).unwrap().event();

    let state = chain.provider(&provider.address);
    assert_eq!(state.owner, owner.address());
    assert_eq!(state.name(), Ok("Grüne Mühle"));
    assert_eq!((state.stake_total, state.staked, state.nodes), (0, 0, 0));
    assert_eq!((state.bump, state.rent_payer), (call.data.args.provider_bump, owner.address()));
    assert_eq!((state.stake_vault, state.earnings_vault), (provider.stake_vault, provider.earnings_vault));
    assert_eq!((state.payout_owner, state.next_payout_owner), (owner.address(), owner.address()));
    assert_eq!((state.reputation_at, state.registered_at), (chain.now().0, chain.now().0));
    assert_eq!(chain.tokens(&provider.stake_vault), MicroUsdc::ZERO);
    assert_eq!(chain.tokens(&provider.earnings_vault), MicroUsdc::ZERO);
    assert_eq!((event.provider, event.owner), (provider.address, owner.address()));
    assert_eq!((event.display_name.as_str(), event.at), ("Grüne Mühle", chain.now().0));
}

#[test]
fn takes_a_name_of_32_bytes_and_none_longer() {
    let mut chain = Environment::new();
    let owner = chain.wallet(MicroUsdc::ZERO);
    let call = chain.register_provider(&owner, &"m".repeat(33));
    chain.refuses(&call, MarketError::DisplayNameInvalid);
    let call = chain.register_provider(&owner, &"m".repeat(32));
    chain.send(&call).unwrap();
    let provider = chain.provider(&Environment::provider_of(&owner).address);
    assert_eq!(provider.name(), Ok("m".repeat(32).as_str()));
}

#[test]
fn refuses_bytes_that_are_no_padded_text() {
    let mut chain = Environment::new();
    let owner = chain.wallet(MicroUsdc::ZERO);
    let mut gap = [0; 32];
    (gap[0], gap[2]) = (b'm', b'm');
    for bytes in [gap, [0xff; 32]] {
        let mut call = chain.register_provider(&owner, "Mill");
        call.data.args.display_name = bytes;
        chain.refuses(&call, MarketError::DisplayNameInvalid);
    }
}

#[test]
fn refuses_an_empty_name_and_control_characters() {
    let mut chain = Environment::new();
    let owner = chain.wallet(MicroUsdc::ZERO);
    for name in ["", "two\nlines", "bell\u{7}"] {
        let call = chain.register_provider(&owner, name);
        chain.refuses(&call, MarketError::DisplayNameInvalid);
    }
}

#[test]
fn refuses_a_second_registration() {
    let mut chain = Environment::new();
    let owner = chain.wallet(MicroUsdc::ZERO);
    chain.do_register_provider(&owner);
    let call = chain.register_provider(&owner, "again");
    chain.refuses(&call, 0);
}

#[test]
fn refuses_without_the_owners_signature() {
    let mut chain = Environment::new();
    let owner = chain.wallet(MicroUsdc::ZERO);
    let call = chain.register_provider(&owner, "nobody").without_signature_of(owner.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn refuses_another_mint_than_the_networks() {
    let mut chain = Environment::new();
    let owner = chain.wallet(MicroUsdc::ZERO);
    let mut call = chain.register_provider(&owner, "mint");
    call.accounts.mint = Pubkey::new_unique();
    chain.put_mint(call.accounts.mint);
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn refuses_the_addresses_of_another_owner() {
    let mut chain = Environment::new();
    let (owner, other) = (chain.wallet(MicroUsdc::ZERO), chain.wallet(MicroUsdc::ZERO));
    let foreign = Environment::provider_of(&other);
    let mut call = chain.register_provider(&owner, "provider");
    call.accounts.provider = foreign.address;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
    let mut call = chain.register_provider(&owner, "stake vault");
    call.accounts.stake_vault = foreign.stake_vault;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
    let mut call = chain.register_provider(&owner, "earnings vault");
    call.accounts.earnings_vault = foreign.earnings_vault;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
}
