//! `extend_job` and `extend_job_prepaid`.

use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::events::JobExtended;
use millrace_testkit::program::{ExtendJobArgs, MarketError};
use millrace_testkit::protocol::{MicroUsdc, Seconds};
use millrace_testkit::{Environment, JobHandle, Wallet, terms, usdc};

const NOTHING: ExtendJobArgs = ExtendJobArgs { deposit: 0, lease_seconds: 0, start_window: 0 };

fn money(amount: MicroUsdc) -> ExtendJobArgs {
    ExtendJobArgs { deposit: amount.0, ..NOTHING }
}

fn ready() -> (Environment, JobHandle) {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(50));
    let job = chain.do_open_job(&buyer, 1, terms());
    (chain, job)
}

#[test]
fn adds_money_longer_leases_and_a_longer_wait() {
    let (mut chain, job) = ready();
    let before = chain.job(&job.address);
    let args = ExtendJobArgs { deposit: usdc(5).0, lease_seconds: 60, start_window: 30 };
    let call = chain.extend_job(&job, args);
    let event: JobExtended = chain.send(&call).unwrap().event();
    assert_eq!((event.added, event.deposit), (usdc(5).0, usdc(15).0));
    assert_eq!((event.funder_before, event.funder_after), (usdc(40).0, usdc(35).0));
    assert_eq!((event.vault_before, event.vault_after), (usdc(10).0, usdc(15).0));
    let state = chain.job(&job.address);
    assert_eq!((state.terms.deposit, state.terms.lease_seconds), (usdc(15).0, 3_660));
    assert_eq!(state.start_deadline, before.start_deadline + 30);
    chain.ledger().check();
}

#[test]
fn the_addition_returns_with_the_refund() {
    let (mut chain, job) = ready();
    let call = chain.extend_job(&job, money(usdc(5)));
    chain.send(&call).unwrap();
    chain.do_cancel_job(&job);
    chain.do_close_job(&job);
    assert_eq!(chain.tokens(&job.funder.tokens), usdc(50));
}

#[test]
fn works_while_leases_run() {
    let (mut chain, job) = ready();
    let node = chain.rig(usdc(100));
    chain.do_open_lease(&job, &node);
    let call = chain.extend_job(&job, money(usdc(5)));
    chain.send(&call).unwrap();
    chain.ledger().check();
}

#[test]
fn refuses_nothing_and_terms_that_could_not_be_opened() {
    let (mut chain, job) = ready();
    let call = chain.extend_job(&job, NOTHING);
    chain.refuses(&call, MarketError::AmountZero);
    let call = chain.extend_job(&job, ExtendJobArgs { lease_seconds: 86_400, ..NOTHING });
    chain.refuses(&call, MarketError::DepositTooSmall);
    let call = chain.extend_job(&job, ExtendJobArgs { start_window: 31 * 86_400, ..NOTHING });
    chain.refuses(&call, MarketError::TermsInvalid);
    let call = chain.extend_job(&job, money(MicroUsdc::MAX));
    chain.refuses(&call, MarketError::Overflow);
    let call = chain.extend_job(&job, money(usdc(41)));
    chain.refuses(&call, 1);
}

#[test]
fn refuses_a_job_that_is_over_or_late() {
    let (mut chain, job) = ready();
    chain.advance(Seconds(600));
    let call = chain.extend_job(&job, money(usdc(1)));
    chain.refuses(&call, MarketError::StartDeadlinePassed);
    chain.do_expire_job(&job);
    chain.refuses(&call, MarketError::JobNotOpen);
}

#[test]
fn refuses_without_both_and_with_anybody_elses_money() {
    let mut chain = Environment::new();
    let (buyer, funder) = (chain.wallet(usdc(50)), chain.wallet(usdc(50)));
    let job = Environment::job_of(&buyer, &funder, 1);
    let open = chain.open_job(&job, 1, terms());
    chain.send(&open).unwrap();
    for key in [buyer.address(), funder.address()] {
        let call = chain.extend_job(&job, money(usdc(1))).without_signature_of(key);
        chain.refuses(&call, ErrorCode::AccountNotSigner);
    }
    let signed_by = |chain: &Environment, wallet: &Wallet, as_buyer: bool| {
        let mut call = chain.extend_job(&job, money(usdc(1)));
        if as_buyer {
            call.accounts.buyer = wallet.address();
        } else {
            (call.accounts.funder, call.accounts.funder_tokens) = (wallet.address(), wallet.tokens);
        }
        call.signers.push(wallet.key.insecure_clone());
        call
    };
    let stranger = chain.wallet(usdc(50));
    let call = signed_by(&chain, &stranger, true);
    chain.refuses(&call, MarketError::WrongBuyer);
    let call = signed_by(&chain, &stranger, false);
    chain.refuses(&call, MarketError::WrongFunder);
    let mut call = chain.extend_job(&job, money(usdc(1)));
    call.accounts.funder_tokens = stranger.tokens;
    chain.refuses(&call, MarketError::WrongTokenOwner);
    let mut call = chain.extend_job(&job, money(usdc(1)));
    call.accounts.funder_tokens = Pubkey::new_unique();
    chain.put_tokens(call.accounts.funder_tokens, funder.address(), Pubkey::new_unique(), usdc(1));
    chain.refuses(&call, MarketError::WrongMint);
    let other = chain.do_open_job(&stranger, 1, terms());
    let mut call = chain.extend_job(&job, money(usdc(1)));
    call.accounts.job_vault = other.vault;
    chain.refuses(&call, MarketError::WrongVault);
}

#[test]
fn a_prepaid_job_is_extended_from_its_balance_and_by_its_owner_alone() {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(50));
    let balance = chain.do_open_buyer(&owner, usdc(20));
    let job = chain.do_open_job_prepaid(&balance, 1, terms());
    let call = chain.extend_job_prepaid(&balance, &job, money(usdc(4)));
    let event: JobExtended = chain.send(&call).unwrap().event();
    assert_eq!((event.funder, event.funder_before, event.funder_after), (balance.address, usdc(10).0, usdc(6).0));
    assert_eq!((chain.balance(&balance.address).balance, chain.tokens(&job.vault)), (usdc(6).0, usdc(14)));
    chain.ledger().check();

    let call = chain.extend_job_prepaid(&balance, &job, money(usdc(7)));
    chain.refuses(&call, MarketError::BalanceTooSmall);
    let call = chain.extend_job_prepaid(&balance, &job, NOTHING);
    chain.refuses(&call, MarketError::AmountZero);
    let stranger = chain.wallet(usdc(50));
    let foreign = chain.do_open_buyer(&stranger, usdc(20));
    let mut call = chain.extend_job_prepaid(&balance, &job, money(usdc(1)));
    call.accounts.owner = stranger.address();
    call.signers = vec![stranger.key.insecure_clone()];
    chain.refuses(&call, MarketError::WrongBuyer);
    let call = chain.extend_job_prepaid(&foreign, &job, money(usdc(1)));
    chain.refuses(&call, MarketError::WrongFunder);
    let mut call = chain.extend_job_prepaid(&balance, &job, money(usdc(1)));
    call.accounts.buyer_vault = foreign.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let plain = chain.do_open_job(&owner, 2, terms());
    let call = chain.extend_job_prepaid(&balance, &plain, money(usdc(1)));
    chain.refuses(&call, MarketError::WrongFunding);
    let mut call = chain.extend_job_prepaid(&balance, &job, money(usdc(1)));
    call.accounts.job_vault = plain.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let call = chain.extend_job_prepaid(&balance, &job, money(usdc(1))).without_signature_of(owner.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}
