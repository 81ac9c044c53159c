//! Delegates: `open_allowance`, `change_allowance`, `close_allowance`.

use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{AllowanceChanged, AllowanceClosed};
use millrace_testkit::program::types::AllowanceTerms;
use millrace_testkit::protocol::Seconds;
use millrace_testkit::{BalanceHandle, Environment, Keypair, Signer, Wallet, terms, usdc};

fn ready() -> (Environment, BalanceHandle, Wallet, AllowanceTerms) {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(100));
    let balance = chain.do_open_buyer(&owner, usdc(100));
    let delegate = chain.wallet(usdc(0));
    let granted = AllowanceTerms { per_job: usdc(10).0, total: usdc(20).0, expires_at: chain.now().0 + 1_000 };
    (chain, balance, delegate, granted)
}

#[test]
fn a_delegate_opens_jobs_up_to_its_caps() {
    let (mut chain, balance, delegate, granted) = ready();
    let call = chain.open_allowance(&balance, &delegate.key, granted);
    let event: AllowanceChanged = chain.send(&call).unwrap().event();
    assert_eq!((event.delegate, event.per_job, event.total), (delegate.address(), usdc(10).0, usdc(20).0));
    let state = chain.allowance(&call.accounts.allowance);
    assert_eq!((state.buyer, state.delegate), (balance.address, delegate.address()));
    assert_eq!((state.bump, state.rent_payer), (call.data.args.allowance_bump, balance.owner.address()));
    assert_eq!(chain.balance(&balance.address).allowances, 1);

    for id in 1..=2 {
        let call = chain.open_job_prepaid(&balance, Some(&delegate.key), id, terms());
        chain.send(&call).unwrap();
    }
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 3, terms());
    chain.refuses(&call, MarketError::AllowanceExceeded);
    let allowance = Environment::allowance_of(&balance, &delegate.key);
    assert_eq!(chain.allowance(&allowance).spent, usdc(20).0);
    chain.ledger().check();
}

#[test]
fn refunds_do_not_restore_an_allowance() {
    let (mut chain, balance, delegate, granted) = ready();
    chain.do_open_allowance(&balance, &delegate.key, AllowanceTerms { total: usdc(10).0, ..granted });
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 1, terms());
    chain.send(&call).unwrap();
    let job = Environment::job_of(&balance.owner, &balance.owner, 1);
    chain.do_cancel_job(&job);
    let close = chain.close_job_prepaid(&balance, &job);
    chain.send(&close).unwrap();
    assert_eq!(chain.balance(&balance.address).balance, usdc(100).0);
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 1, terms());
    chain.refuses(&call, MarketError::AllowanceExceeded);
}

#[test]
fn the_expiry_holds_to_the_second() {
    let (mut chain, balance, delegate, granted) = ready();
    chain.do_open_allowance(&balance, &delegate.key, granted);
    chain.advance(Seconds(999));
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 1, terms());
    chain.send(&call).unwrap();
    chain.advance(Seconds(1));
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 2, terms());
    chain.refuses(&call, MarketError::AllowanceExpired);
}

#[test]
fn a_change_keeps_what_was_spent() {
    let (mut chain, balance, delegate, granted) = ready();
    chain.do_open_allowance(&balance, &delegate.key, granted);
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 1, terms());
    chain.send(&call).unwrap();
    let call = chain.change_allowance(&balance, &delegate.key, AllowanceTerms { total: usdc(19).0, ..granted });
    let event: AllowanceChanged = chain.send(&call).unwrap().event();
    assert_eq!((event.spent, event.total), (usdc(10).0, usdc(19).0));
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 2, terms());
    chain.refuses(&call, MarketError::AllowanceExceeded);
}

#[test]
fn a_closed_allowance_opens_nothing_and_gives_its_rent_back() {
    let (mut chain, balance, delegate, granted) = ready();
    chain.do_open_allowance(&balance, &delegate.key, granted);
    let allowance = Environment::allowance_of(&balance, &delegate.key);
    let (sol, rent) = (chain.lamports(&balance.owner.address()), chain.lamports(&allowance));
    let call = chain.close_allowance(&balance, &delegate.key);
    let event: AllowanceClosed = chain.send(&call).unwrap().event();
    assert_eq!((event.delegate, event.spent), (delegate.address(), 0));
    assert_eq!(chain.balance(&balance.address).allowances, 0);
    assert_eq!(chain.lamports(&balance.owner.address()), sol + rent);
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 1, terms());
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn only_the_owner_grants_changes_and_takes_away() {
    let (mut chain, balance, delegate, granted) = ready();
    let stranger = chain.wallet(usdc(1));
    let mut open = chain.open_allowance(&balance, &delegate.key, granted);
    open.accounts.owner = stranger.address();
    open.signers = vec![stranger.key.insecure_clone()];
    chain.refuses(&open, MarketError::WrongBuyer);
    chain.do_open_allowance(&balance, &delegate.key, granted);
    for key in [&stranger.key, &delegate.key] {
        let mut change = chain.change_allowance(&balance, &delegate.key, granted);
        change.accounts.owner = key.pubkey();
        change.signers = vec![key.insecure_clone()];
        chain.refuses(&change, MarketError::WrongBuyer);
        let mut close = chain.close_allowance(&balance, &delegate.key);
        close.accounts.owner = key.pubkey();
        close.signers = vec![key.insecure_clone()];
        chain.refuses(&close, MarketError::WrongBuyer);
    }
    let mut close = chain.close_allowance(&balance, &delegate.key);
    close.accounts.rent_payer = stranger.address();
    chain.refuses(&close, MarketError::WrongRentPayer);
    let unsigned = chain.close_allowance(&balance, &delegate.key).without_signature_of(balance.owner.address());
    chain.refuses(&unsigned, ErrorCode::AccountNotSigner);
}

#[test]
fn an_allowance_belongs_to_one_balance_and_one_delegate() {
    let (mut chain, balance, delegate, granted) = ready();
    let other_owner = chain.wallet(usdc(100));
    let other = chain.do_open_buyer(&other_owner, usdc(100));
    chain.do_open_allowance(&other, &delegate.key, granted);
    let foreign = Environment::allowance_of(&other, &delegate.key);

    let mut open = chain.open_job_prepaid(&balance, Some(&delegate.key), 1, terms());
    open.accounts.allowance = Some(foreign);
    chain.refuses(&open, MarketError::WrongDelegate);
    let thief = chain.wallet(usdc(0));
    let mut open = chain.open_job_prepaid(&other, Some(&delegate.key), 1, terms());
    open.accounts.authority = thief.address();
    open.signers = vec![thief.key.insecure_clone()];
    chain.refuses(&open, MarketError::WrongDelegate);

    let mut change = chain.change_allowance(&balance, &delegate.key, granted);
    change.accounts.allowance = foreign;
    chain.refuses(&change, MarketError::WrongBuyerAccount);
    let mut close = chain.close_allowance(&balance, &delegate.key);
    (close.accounts.allowance, close.accounts.rent_payer) = (foreign, other_owner.address());
    chain.refuses(&close, MarketError::WrongBuyerAccount);
    let mut open = chain.open_allowance(&balance, &delegate.key, granted);
    open.accounts.allowance = foreign;
    chain.refuses(&open, ErrorCode::ConstraintSeeds);
}

/// Everything that moves a buyer's money, tried with the key of a delegate whose allowance is good.
#[test]
fn a_delegate_opens_jobs_and_does_nothing_else() {
    let (mut chain, balance, delegate, granted) = ready();
    chain.do_open_allowance(&balance, &delegate.key, granted);
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 1, terms());
    chain.send(&call).unwrap();
    let job = Environment::job_of(&balance.owner, &balance.owner, 1);
    let signer = || -> Vec<Keypair> { vec![delegate.key.insecure_clone()] };

    let mut withdraw = chain.withdraw_balance(&balance, usdc(1));
    (withdraw.accounts.owner, withdraw.accounts.owner_tokens) = (delegate.address(), delegate.tokens);
    withdraw.signers = signer();
    chain.refuses(&withdraw, MarketError::WrongBuyer);
    let mut cancel = chain.cancel_job(&job);
    cancel.accounts.buyer = delegate.address();
    cancel.signers = signer();
    chain.refuses(&cancel, MarketError::WrongBuyer);
    let extension = millrace_testkit::program::ExtendJobArgs { deposit: 1, lease_seconds: 0, start_window: 0 };
    let mut extend = chain.extend_job_prepaid(&balance, &job, extension);
    extend.accounts.owner = delegate.address();
    extend.signers = signer();
    chain.refuses(&extend, MarketError::WrongBuyer);
    let mut close = chain.close_buyer(&balance);
    (close.accounts.owner, close.accounts.owner_tokens) = (delegate.address(), delegate.tokens);
    close.signers = signer();
    chain.refuses(&close, MarketError::WrongBuyer);
    let mut without = chain.open_job_prepaid(&balance, Some(&delegate.key), 2, terms());
    without.accounts.allowance = None;
    chain.refuses(&without, MarketError::WrongDelegate);
}
