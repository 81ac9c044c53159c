use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{JobClosed, JobOpened};
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{JobTerms, MicroUsdc, Seconds};
use millrace_testkit::{BalanceHandle, Environment, Signer, terms, usdc};

fn ready() -> (Environment, BalanceHandle) {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(50));
    let balance = chain.do_open_buyer(&owner, usdc(25));
    (chain, balance)
}

#[test]
fn the_deposit_comes_from_the_balance_and_the_job_is_the_owners() {
    let (mut chain, balance) = ready();
    let call = chain.open_job_prepaid(&balance, None, 1, terms());
    let event: JobOpened = chain.send(&call).unwrap().event();
    let job = Environment::job_of(&balance.owner, &balance.owner, 1);
    let state = chain.job(&job.address);
    assert_eq!((state.prepaid, state.funder, state.buyer), (1, balance.address, balance.owner.address()));
    assert_eq!((event.prepaid, event.authority), (true, balance.owner.address()));
    assert_eq!((event.funder_before, event.funder_after, event.vault_after), (usdc(25).0, usdc(15).0, usdc(10).0));
    let books = chain.balance(&balance.address);
    assert_eq!((books.balance, books.spent, books.jobs_opened, books.jobs_live), (usdc(15).0, usdc(10).0, 1, 1));
    assert_eq!(chain.tokens(&balance.owner.tokens), usdc(25));
    chain.ledger().check();
}

#[test]
fn what_is_left_returns_to_the_balance_and_the_rent_to_whoever_paid_it() {
    let (mut chain, balance) = ready();
    let node = chain.rig(usdc(100));
    let job = chain.do_open_job_prepaid(&balance, 1, terms());
    let lease = chain.do_open_lease(&job, &node);
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(100), ExitClass::Completed);
    let mint = chain.mint;
    chain.put_tokens(job.vault, job.address, mint, MicroUsdc(usdc(10).0 - 100_000 + 5));
    let rent = chain.lamports(&job.address) + chain.lamports(&job.vault);
    let sol = chain.lamports(&balance.owner.address());

    let call = chain.close_job_prepaid(&balance, &job);
    let event: JobClosed = chain.send(&call).unwrap().event();
    assert_eq!((event.refund, event.surplus), (usdc(10).0 - 100_000, 5));
    let books = chain.balance(&balance.address);
    assert_eq!((books.balance, books.refunded), (usdc(25).0 - 100_000 + 5, usdc(10).0 - 100_000 + 5));
    assert_eq!((books.jobs_live, books.jobs_cancelled), (0, 0));
    assert_eq!(chain.lamports(&balance.owner.address()), sol + rent);
    chain.ledger().check();
}

#[test]
fn a_delegate_gets_back_the_rent_it_paid() {
    let (mut chain, balance) = ready();
    let delegate = chain.wallet(usdc(0));
    let granted = millrace_testkit::program::types::AllowanceTerms {
        per_job: usdc(10).0,
        total: usdc(10).0,
        expires_at: chain.now().0 + 10,
    };
    chain.do_open_allowance(&balance, &delegate.key, granted);
    let sol = chain.lamports(&delegate.address());
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 1, terms());
    chain.send(&call).unwrap();
    assert!(chain.lamports(&delegate.address()) < sol);
    let job = Environment::job_of(&balance.owner, &balance.owner, 1);
    chain.do_cancel_job(&job);
    let call = chain.close_job_prepaid(&balance, &job);
    chain.send(&call).unwrap();
    assert_eq!(chain.lamports(&delegate.address()), sol);
    assert_eq!(chain.balance(&balance.address).jobs_cancelled, 1);
}

#[test]
fn refuses_more_than_the_balance_and_what_open_job_refuses() {
    let (mut chain, balance) = ready();
    let call = chain.open_job_prepaid(&balance, None, 1, JobTerms { deposit: usdc(26), ..terms() });
    chain.refuses(&call, MarketError::BalanceTooSmall);
    let call = chain.open_job_prepaid(&balance, None, 1, JobTerms { deposit: MicroUsdc(1), ..terms() });
    chain.refuses(&call, MarketError::DepositTooSmall);
    let call = chain.open_job_prepaid(&balance, None, 1, JobTerms { concurrent_leases: 0, ..terms() });
    chain.refuses(&call, MarketError::TermsInvalid);
    chain.do_open_job_prepaid(&balance, 1, terms());
    let call = chain.open_job_prepaid(&balance, None, 1, terms());
    chain.refuses(&call, 0);
}

#[test]
fn refuses_strangers_and_others_accounts() {
    let (mut chain, balance) = ready();
    let stranger = chain.wallet(usdc(50));
    let foreign = chain.do_open_buyer(&stranger, usdc(50));
    let mut call = chain.open_job_prepaid(&balance, None, 1, terms());
    call.accounts.authority = stranger.address();
    call.signers = vec![stranger.key.insecure_clone()];
    chain.refuses(&call, MarketError::WrongDelegate);
    let mut call = chain.open_job_prepaid(&balance, None, 1, terms());
    call.accounts.buyer_vault = foreign.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let mut call = chain.open_job_prepaid(&balance, None, 1, terms());
    (call.accounts.balance, call.accounts.buyer_vault) = (foreign.address, foreign.vault);
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
    let mut call = chain.open_job_prepaid(&balance, None, 1, terms());
    call.accounts.mint = Pubkey::new_unique();
    chain.put_mint(call.accounts.mint);
    chain.refuses(&call, MarketError::WrongMint);
    let call = chain.open_job_prepaid(&balance, None, 1, terms()).without_signature_of(balance.owner.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn each_kind_of_job_closes_its_own_way() {
    let (mut chain, balance) = ready();
    let prepaid = chain.do_open_job_prepaid(&balance, 1, terms());
    chain.do_cancel_job(&prepaid);
    // The balance's own vault as refund account: without its books, the money would be nobody's.
    let mut plain = chain.close_job(&prepaid);
    plain.accounts.refund_account = balance.vault;
    chain.refuses(&plain, MarketError::WrongFunding);

    let paid = chain.do_open_job(&balance.owner, 2, terms());
    chain.do_cancel_job(&paid);
    let call = chain.close_job_prepaid(&balance, &paid);
    chain.refuses(&call, MarketError::WrongFunding);

    let stranger = chain.wallet(usdc(50));
    let foreign = chain.do_open_buyer(&stranger, usdc(1));
    let mut call = chain.close_job_prepaid(&balance, &prepaid);
    (call.accounts.balance, call.accounts.buyer_vault) = (foreign.address, foreign.vault);
    chain.refuses(&call, MarketError::WrongBuyerAccount);
    let mut call = chain.close_job_prepaid(&balance, &prepaid);
    call.accounts.buyer_vault = foreign.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let mut call = chain.close_job_prepaid(&balance, &prepaid);
    call.accounts.job_vault = paid.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let mut call = chain.close_job_prepaid(&balance, &prepaid);
    call.accounts.rent_payer = stranger.key.pubkey();
    chain.refuses(&call, MarketError::WrongRentPayer);
}

#[test]
fn a_live_job_is_not_closed() {
    let (mut chain, balance) = ready();
    let job = chain.do_open_job_prepaid(&balance, 1, terms());
    let call = chain.close_job_prepaid(&balance, &job);
    chain.refuses(&call, MarketError::JobNotOver);
}
