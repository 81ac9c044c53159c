use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::TreasurySet;
use millrace_testkit::program::state::Config;
use millrace_testkit::{Environment, Signer, usdc};

#[test]
fn names_another_token_account() {
    let mut chain = Environment::new();
    let (old, new, before) = (chain.treasury, chain.wallet(usdc(0)).tokens, chain.config());
    let event: TreasurySet = chain.do_set_treasury(new).event();
    assert_eq!(chain.config(), Config { treasury: new, ..before });
    assert_eq!(event, TreasurySet { before: old, after: new, at: chain.now().0 });
}

#[test]
fn refuses_a_token_account_of_another_mint() {
    let mut chain = Environment::new();
    let other = Pubkey::new_unique();
    chain.put_tokens(other, chain.admin.pubkey(), Pubkey::new_unique(), usdc(0));
    let call = chain.set_treasury(other);
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn refuses_what_is_no_token_account() {
    let mut chain = Environment::new();
    let call = chain.set_treasury(chain.admin.pubkey());
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
    let call = chain.set_treasury(chain.mint);
    chain.refuses(&call, ErrorCode::AccountDidNotDeserialize);
}

#[test]
fn refuses_whoever_is_not_the_admin() {
    let mut chain = Environment::new();
    let stranger = chain.wallet(usdc(0));
    let mut call = chain.set_treasury(stranger.tokens);
    call.accounts.admin = stranger.address();
    call.signers = vec![stranger.key];
    chain.refuses(&call, MarketError::WrongAdmin);
}
