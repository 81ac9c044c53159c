use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::JobCancelled;
use millrace_testkit::protocol::Seconds;
use millrace_testkit::{Environment, JobHandle, Wallet, terms, usdc};

use crate::scene::Scene;

fn open() -> (Environment, JobHandle) {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(10));
    let job = chain.do_open_job(&buyer, 1, terms());
    (chain, job)
}

#[test]
fn a_job_without_leases_is_done_at_once() {
    let (mut chain, job) = open();
    let event: JobCancelled = chain.do_cancel_job(&job).event();
    let state = chain.job(&job.address);
    assert_eq!((state.state, state.cancelled_at), (3, chain.now().0));
    assert_eq!((event.state, event.live_leases, event.vault), (3, 0, usdc(10).0));
}

#[test]
fn a_job_with_leases_waits_for_them() {
    let Scene { mut chain, job, .. } = Scene::new();
    let event: JobCancelled = chain.do_cancel_job(&job).event();
    assert_eq!((event.state, event.live_leases), (2, 1));
    assert_eq!(chain.job(&job.address).state, 2);
    chain.ledger().check();
}

#[test]
fn refuses_whoever_is_not_the_buyer() {
    let (mut chain, job) = open();
    let stranger = chain.wallet(usdc(1));
    let call = chain.cancel_job(&JobHandle { buyer: stranger, ..job });
    chain.refuses(&call, MarketError::WrongBuyer);
}

#[test]
fn refuses_the_funder_who_is_not_the_buyer() {
    let mut chain = Environment::new();
    let (buyer, funder): (Wallet, Wallet) = (chain.wallet(usdc(0)), chain.wallet(usdc(10)));
    let job = Environment::job_of(&buyer, &funder, 1);
    let call = chain.open_job(&job, 1, terms());
    chain.send(&call).unwrap();
    let call = chain.cancel_job(&JobHandle { buyer: funder, ..job });
    chain.refuses(&call, MarketError::WrongBuyer);
}

#[test]
fn refuses_without_the_buyers_signature() {
    let (mut chain, job) = open();
    let call = chain.cancel_job(&job).without_signature_of(job.buyer.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn refuses_a_second_cancel() {
    let (mut chain, job) = open();
    chain.do_cancel_job(&job);
    let call = chain.cancel_job(&job);
    chain.refuses(&call, MarketError::JobNotCancellable);

    let Scene { mut chain, job, .. } = Scene::new();
    chain.do_cancel_job(&job);
    let call = chain.cancel_job(&job);
    chain.refuses(&call, MarketError::JobNotCancellable);
}

#[test]
fn refuses_a_job_that_has_expired() {
    let (mut chain, job) = open();
    chain.advance(Seconds(600));
    chain.do_expire_job(&job);
    let call = chain.cancel_job(&job);
    chain.refuses(&call, MarketError::JobNotCancellable);
}
