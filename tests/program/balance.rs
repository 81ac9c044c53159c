//! A buyer's prepaid balance: `open_buyer`, `deposit_balance`, `withdraw_balance`, `close_buyer`.

use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{BalanceMoved, BuyerClosed, BuyerOpened};
use millrace_testkit::protocol::MicroUsdc;
use millrace_testkit::{BalanceHandle, Environment, Wallet, terms, usdc};

fn with(amount: MicroUsdc) -> (Environment, Wallet, BalanceHandle) {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(50));
    let balance = chain.do_open_buyer(&owner, amount);
    (chain, owner, balance)
}

#[test]
fn opens_empty_with_a_vault_of_its_own() {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(50));
    let sol = chain.lamports(&owner.address());
    let balance = Environment::balance_of(&owner);
    let call = chain.open_buyer(&balance);
    let event: BuyerOpened = chain.send(&call).unwrap().event();

    assert_eq!((event.balance, event.owner, event.buyer_vault), (balance.address, owner.address(), balance.vault));
    let state = chain.balance(&balance.address);
    assert_eq!((state.owner, state.mint, state.buyer_vault), (owner.address(), chain.mint, balance.vault));
    assert_eq!((state.balance, state.jobs_opened, state.allowances), (0, 0, 0));
    assert_eq!(chain.tokens(&balance.vault), MicroUsdc::ZERO);
    let rent = chain.lamports(&balance.address) + chain.lamports(&balance.vault);
    assert_eq!(chain.lamports(&owner.address()), sol - rent);
    chain.refuses(&call, 0);
}

#[test]
fn opening_is_refused_at_other_addresses_and_without_the_owner() {
    let mut chain = Environment::new();
    let (owner, other) = (chain.wallet(usdc(1)), chain.wallet(usdc(1)));
    let (balance, foreign) = (Environment::balance_of(&owner), Environment::balance_of(&other));
    let mut call = chain.open_buyer(&balance);
    call.accounts.balance = foreign.address;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
    let mut call = chain.open_buyer(&balance);
    call.accounts.buyer_vault = foreign.vault;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
    let mut call = chain.open_buyer(&balance);
    call.accounts.mint = Pubkey::new_unique();
    chain.put_mint(call.accounts.mint);
    chain.refuses(&call, MarketError::WrongMint);
    let call = chain.open_buyer(&balance).without_signature_of(owner.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn anyone_pays_in_and_only_the_owner_takes_out() {
    let (mut chain, owner, balance) = with(usdc(10));
    let friend = chain.wallet(usdc(5));
    let call = chain.deposit_balance(&friend, &balance, usdc(5));
    let event: BalanceMoved = chain.send(&call).unwrap().event();
    assert_eq!((event.balance_before, event.balance_after), (usdc(10).0, usdc(15).0));
    assert_eq!((event.vault_before, event.vault_after), (usdc(10).0, usdc(15).0));
    assert_eq!((event.wallet, event.wallet_before, event.wallet_after), (friend.address(), usdc(5).0, 0));

    let call = chain.withdraw_balance(&balance, usdc(12));
    let event: BalanceMoved = chain.send(&call).unwrap().event();
    assert_eq!((event.balance_before, event.balance_after), (usdc(15).0, usdc(3).0));
    assert_eq!((event.wallet_before, event.wallet_after), (usdc(40).0, usdc(52).0));
    assert_eq!(chain.tokens(&owner.tokens), usdc(52));
    let state = chain.balance(&balance.address);
    assert_eq!((state.balance, state.deposited, state.withdrawn), (usdc(3).0, usdc(15).0, usdc(12).0));
    chain.ledger().check();
}

#[test]
fn a_deposit_is_refused_of_nothing_other_mints_and_others_tokens() {
    let (mut chain, owner, balance) = with(usdc(10));
    let call = chain.deposit_balance(&owner, &balance, MicroUsdc(0));
    chain.refuses(&call, MarketError::AmountZero);
    let call = chain.deposit_balance(&owner, &balance, usdc(41));
    chain.refuses(&call, 1);
    let mut call = chain.deposit_balance(&owner, &balance, usdc(1));
    call.accounts.payer_tokens = chain.wallet(usdc(1)).tokens;
    chain.refuses(&call, MarketError::WrongTokenOwner);
    let mut call = chain.deposit_balance(&owner, &balance, usdc(1));
    call.accounts.payer_tokens = Pubkey::new_unique();
    chain.put_tokens(call.accounts.payer_tokens, owner.address(), Pubkey::new_unique(), usdc(1));
    chain.refuses(&call, MarketError::WrongMint);
    let stranger = chain.wallet(usdc(1));
    let foreign = chain.do_open_buyer(&stranger, MicroUsdc::ZERO);
    let mut call = chain.deposit_balance(&owner, &balance, usdc(1));
    call.accounts.buyer_vault = foreign.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let call = chain.deposit_balance(&owner, &balance, usdc(1)).without_signature_of(owner.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn a_withdrawal_is_refused_beyond_the_balance_and_to_anybody_else() {
    let (mut chain, owner, balance) = with(usdc(10));
    let call = chain.withdraw_balance(&balance, MicroUsdc(usdc(10).0 + 1));
    chain.refuses(&call, MarketError::BalanceTooSmall);
    let call = chain.withdraw_balance(&balance, MicroUsdc(0));
    chain.refuses(&call, MarketError::AmountZero);
    let stranger = chain.wallet(usdc(1));
    let mut call = chain.withdraw_balance(&balance, usdc(1));
    call.accounts.owner = stranger.address();
    call.accounts.owner_tokens = stranger.tokens;
    call.signers = vec![stranger.key.insecure_clone()];
    chain.refuses(&call, MarketError::WrongBuyer);
    let mut call = chain.withdraw_balance(&balance, usdc(1));
    call.accounts.owner_tokens = stranger.tokens;
    chain.refuses(&call, MarketError::WrongTokenOwner);
    let mut call = chain.withdraw_balance(&balance, usdc(1));
    call.accounts.owner_tokens = Pubkey::new_unique();
    chain.put_tokens(call.accounts.owner_tokens, owner.address(), Pubkey::new_unique(), usdc(1));
    chain.refuses(&call, MarketError::WrongMint);
    let foreign = chain.do_open_buyer(&stranger, usdc(1));
    let mut call = chain.withdraw_balance(&balance, usdc(1));
    call.accounts.buyer_vault = foreign.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let call = chain.withdraw_balance(&balance, usdc(1)).without_signature_of(owner.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn closes_only_empty_and_gives_rent_and_strangers_money_to_the_owner() {
    let (mut chain, owner, balance) = with(usdc(10));
    let call = chain.close_buyer(&balance);
    chain.refuses(&call, MarketError::BuyerBusy);
    let job = chain.do_open_job_prepaid(&balance, 1, terms());
    chain.refuses(&call, MarketError::BuyerBusy);
    chain.do_cancel_job(&job);
    let close = chain.close_job_prepaid(&balance, &job);
    chain.send(&close).unwrap();
    let withdraw = chain.withdraw_balance(&balance, usdc(10));
    chain.send(&withdraw).unwrap();
    let (stranger, mint) = (chain.wallet(usdc(0)), chain.mint);
    chain.put_tokens(balance.vault, balance.address, mint, MicroUsdc(7));

    let mut spoiled = chain.close_buyer(&balance);
    spoiled.accounts.rent_payer = stranger.address();
    chain.refuses(&spoiled, MarketError::WrongRentPayer);
    let mut spoiled = chain.close_buyer(&balance);
    spoiled.accounts.owner = stranger.address();
    spoiled.accounts.owner_tokens = stranger.tokens;
    spoiled.signers = vec![stranger.key.insecure_clone()];
    chain.refuses(&spoiled, MarketError::WrongBuyer);
    let mut spoiled = chain.close_buyer(&balance);
    spoiled.accounts.owner_tokens = stranger.tokens;
    chain.refuses(&spoiled, MarketError::WrongTokenOwner);

    let (sol, rent) =
        (chain.lamports(&owner.address()), chain.lamports(&balance.address) + chain.lamports(&balance.vault));
    let call = chain.close_buyer(&balance);
    let event: BuyerClosed = chain.send(&call).unwrap().event();
    assert_eq!((event.surplus, event.wallet_after - event.wallet_before), (7, 7));
    assert!(!chain.exists(&balance.address) && !chain.exists(&balance.vault));
    assert_eq!(chain.lamports(&owner.address()), sol + rent);
}

#[test]
fn closing_is_refused_with_another_vault_or_tokens_of_another_mint() {
    let (mut chain, owner, balance) = with(MicroUsdc::ZERO);
    let stranger = chain.wallet(usdc(1));
    let foreign = chain.do_open_buyer(&stranger, MicroUsdc::ZERO);
    let mut call = chain.close_buyer(&balance);
    call.accounts.buyer_vault = foreign.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let mut call = chain.close_buyer(&balance);
    call.accounts.owner_tokens = Pubkey::new_unique();
    chain.put_tokens(call.accounts.owner_tokens, owner.address(), Pubkey::new_unique(), MicroUsdc::ZERO);
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn a_vault_that_would_not_hold_the_balance_is_refused() {
    let (mut chain, owner, balance) = with(usdc(10));
    let mint = chain.mint;
    chain.put_tokens(balance.vault, balance.address, mint, MicroUsdc(usdc(10).0 - 1));
    let call = chain.deposit_balance(&owner, &balance, usdc(1));
    chain.refuses(&call, MarketError::VaultShort);
    let call = chain.withdraw_balance(&balance, usdc(1));
    chain.refuses(&call, MarketError::VaultShort);
}
