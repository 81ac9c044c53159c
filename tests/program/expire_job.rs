use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::JobExpired;
use millrace_testkit::protocol::Seconds;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::{Environment, terms, usdc};

use crate::scene::Scene;

#[test]
fn refuses_one_second_before_the_start_deadline_and_expires_the_job_at_it() {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(10));
    let job = chain.do_open_job(&buyer, 1, terms());
    chain.advance(Seconds(599));
    let call = chain.expire_job(&job);
    chain.refuses(&call, MarketError::DeadlineNotPassed);
    chain.advance(Seconds(1));
    let event: JobExpired = chain.do_expire_job(&job).event();

    assert_eq!(chain.job(&job.address).state, 4);
    assert_eq!((event.job, event.vault, event.at), (job.address, usdc(10).0, chain.now().0));
}

#[test]
fn refuses_a_job_with_leases() {
    let Scene { mut chain, job, .. } = Scene::new();
    chain.advance(Seconds(10_000));
    let call = chain.expire_job(&job);
    chain.refuses(&call, MarketError::JobNotOpen);
}

#[test]
fn refuses_a_job_that_is_over() {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(10));
    let job = chain.do_open_job(&buyer, 1, terms());
    chain.do_cancel_job(&job);
    chain.advance(Seconds(600));
    let call = chain.expire_job(&job);
    chain.refuses(&call, MarketError::JobNotOpen);
}

#[test]
fn a_job_that_lost_its_node_waits_its_whole_window_again() {
    let Scene { mut chain, job, lease, .. } = Scene::new();
    chain.advance(Seconds(500));
    chain.do_settle_final(&lease, Seconds(100), ExitClass::NodeFault);
    chain.advance(Seconds(599));
    let call = chain.expire_job(&job);
    chain.refuses(&call, MarketError::DeadlineNotPassed);
    chain.advance(Seconds(1));
    chain.do_expire_job(&job);
}
