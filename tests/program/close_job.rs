use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::JobClosed;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{MicroUsdc, Seconds};
use millrace_testkit::{Environment, JobHandle, terms, usdc};

use crate::scene::Scene;

fn cancelled() -> (Environment, JobHandle) {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(50));
    let job = chain.do_open_job(&buyer, 1, terms());
    chain.do_cancel_job(&job);
    (chain, job)
}

#[test]
fn gives_back_deposit_and_rent() {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(50));
    let sol = chain.lamports(&buyer.address());
    let job = chain.do_open_job(&buyer, 1, terms());
    chain.do_cancel_job(&job);
    let event: JobClosed = chain.do_close_job(&job).event();

    assert!(!chain.exists(&job.address) && !chain.exists(&job.vault));
    assert_eq!(chain.tokens(&buyer.tokens), usdc(50));
    assert_eq!(chain.lamports(&buyer.address()), sol);
    assert_eq!((event.refund, event.surplus, event.state), (usdc(10).0, 0, 3));
    assert_eq!((event.job_vault_before, event.job_vault_after), (usdc(10).0, 0));
    assert_eq!((event.refund_account_before, event.refund_account_after), (usdc(40).0, usdc(50).0));
}

#[test]
fn gives_back_what_was_not_used() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(77), ExitClass::Completed);
    let event: JobClosed = chain.do_close_job(&job).event();

    assert_eq!((event.deposit, event.paid, event.fees, event.refund), (usdc(10).0, 73_150, 3_850, usdc(10).0 - 77_000));
    assert_eq!(event.deposit, event.paid + event.fees + event.refund);
    assert_eq!(chain.tokens(&job.buyer.tokens).0, usdc(100).0 - 77_000);
    assert_eq!(chain.tokens(&node.provider.earnings_vault).0, 77_000);
}

#[test]
fn gives_the_compensation_to_the_funder() {
    let Scene { mut chain, job, lease, .. } = Scene::new();
    chain.advance(Seconds(300));
    chain.do_expire_lease(&lease);
    chain.do_cancel_job(&job);
    let event: JobClosed = chain.do_close_job(&job).event();
    assert_eq!((event.compensation, event.refund), (360_000, usdc(10).0 + 360_000));
    assert_eq!(chain.tokens(&job.buyer.tokens).0, usdc(100).0 + 360_000);
}

#[test]
fn gives_an_expired_jobs_deposit_back_to_its_funder_not_its_buyer() {
    let mut chain = Environment::new();
    let (buyer, funder) = (chain.wallet(usdc(1)), chain.wallet(usdc(10)));
    let job = Environment::job_of(&buyer, &funder, 1);
    let call = chain.open_job(&job, 1, terms());
    chain.send(&call).unwrap();
    chain.advance(Seconds(600));
    chain.do_expire_job(&job);
    let event: JobClosed = chain.do_close_job(&job).event();
    assert_eq!((event.state, event.funder), (4, funder.address()));
    assert_eq!((chain.tokens(&buyer.tokens), chain.tokens(&funder.tokens)), (usdc(1), usdc(10)));
}

#[test]
fn takes_any_token_account_of_the_funder() {
    let (mut chain, job) = cancelled();
    let mut call = chain.close_job(&job);
    call.accounts.refund_account = Pubkey::new_unique();
    chain.put_tokens(call.accounts.refund_account, job.funder.address(), chain.mint, MicroUsdc(5));
    chain.send(&call).unwrap();
    assert_eq!(chain.tokens(&call.accounts.refund_account).0, usdc(10).0 + 5);
}

#[test]
fn a_strangers_token_in_the_vault_does_not_keep_it_open() {
    let (mut chain, job) = cancelled();
    let vault = chain.tokens(&job.vault);
    chain.put_tokens(job.vault, job.address, chain.mint, MicroUsdc(vault.0 + 1));
    let event: JobClosed = chain.do_close_job(&job).event();
    assert_eq!((event.refund, event.surplus), (usdc(10).0, 1));
    assert_eq!(chain.tokens(&job.funder.tokens).0, usdc(50).0 + 1);
}

#[test]
fn refuses_a_job_that_is_not_over() {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(10));
    let job = chain.do_open_job(&buyer, 1, terms());
    let call = chain.close_job(&job);
    chain.refuses(&call, MarketError::JobNotOver);

    let Scene { mut chain, job, .. } = Scene::new();
    let call = chain.close_job(&job);
    chain.refuses(&call, MarketError::JobNotOver);
    chain.do_cancel_job(&job);
    let call = chain.close_job(&job);
    chain.refuses(&call, MarketError::JobNotOver);
}

#[test]
fn refuses_a_refund_to_somebody_else() {
    let (mut chain, job) = cancelled();
    let mut call = chain.close_job(&job);
    call.accounts.refund_account = chain.wallet(usdc(0)).tokens;
    chain.refuses(&call, MarketError::WrongRefundAccount);
}

#[test]
fn refuses_a_refund_account_of_another_mint() {
    let (mut chain, job) = cancelled();
    let mut call = chain.close_job(&job);
    call.accounts.refund_account = Pubkey::new_unique();
    chain.put_tokens(call.accounts.refund_account, job.funder.address(), Pubkey::new_unique(), MicroUsdc::ZERO);
    chain.refuses(&call, MarketError::WrongRefundAccount);
}

#[test]
fn refuses_the_vault_itself_as_refund_account() {
    let (mut chain, job) = cancelled();
    let mut call = chain.close_job(&job);
    call.accounts.refund_account = job.vault;
    chain.refuses(&call, MarketError::WrongRefundAccount);
}

#[test]
fn refuses_to_give_the_rent_to_somebody_else() {
    let (mut chain, job) = cancelled();
    let mut call = chain.close_job(&job);
    call.accounts.rent_payer = chain.wallet(usdc(0)).address();
    chain.refuses(&call, MarketError::WrongRentPayer);
}

#[test]
fn refuses_the_vault_of_another_job() {
    let (mut chain, job) = cancelled();
    let rich = chain.do_open_job(&job.buyer, 2, terms());
    let mut call = chain.close_job(&job);
    call.accounts.job_vault = rich.vault;
    chain.refuses(&call, MarketError::WrongVault);
}

#[test]
fn refuses_a_second_close() {
    let (mut chain, job) = cancelled();
    let call = chain.close_job(&job);
    chain.send(&call).unwrap();
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}
