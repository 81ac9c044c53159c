use millrace_testkit::Environment;
use millrace_testkit::program::MarketError;
use millrace_testkit::protocol::{JobState, Seconds};
use millrace_testkit::{terms, usdc};

use crate::scene::Scene;

#[test]
fn an_open_job_expires() {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(100));
    let buyer = chain.wallet(usdc(10));
    let job = chain.do_open_job(&buyer, 1, terms());
    chain.advance(Seconds(599));
    chain.refuses(&chain.expire_job(&job), MarketError::DeadlineNotPassed);
    chain.fork().do_open_lease(&job, &node);
    chain.advance(Seconds(1));
    chain.refuses(&chain.open_lease(&job, &node), MarketError::StartDeadlinePassed);
    chain.do_expire_job(&job);
    assert_eq!(chain.job(&job.address).state, JobState::Expired as u8);
    chain.do_close_job(&job);
    assert_eq!(chain.tokens(&buyer.tokens), usdc(10));
}

#[test]
fn an_active_job_ends_with_its_leases() {
    let mut scene = Scene::new();
    scene.at(299);
    scene.chain.refuses(&scene.chain.expire_job(&scene.job), MarketError::JobNotOpen);
    scene.chain.refuses(&scene.chain.close_job(&scene.job), MarketError::JobNotOver);
    scene.chain.refuses(&scene.chain.expire_lease(&scene.lease), MarketError::DeadlineNotPassed);
    scene.at(300);
    scene.chain.do_expire_lease(&scene.lease);
    let job = scene.chain.job(&scene.job.address);
    assert_eq!((job.state, job.start_deadline), (JobState::Open as u8, scene.opened.0 + 900));
}

#[test]
fn a_cancelled_job_is_freed_of_a_silent_lease() {
    let mut scene = Scene::new();
    scene.attest_until(100);
    scene.at(200);
    scene.chain.do_cancel_job(&scene.job);
    scene.at(799);
    scene.chain.refuses(&scene.chain.expire_lease(&scene.lease), MarketError::DeadlineNotPassed);
    let last = scene.chain.settle(&scene.lease, &scene.final_voucher(200));
    assert!(scene.chain.fork().send(&last).is_ok());
    scene.at(800);
    scene.chain.do_expire_lease(&scene.lease);
    let (job, vault) = (scene.chain.job(&scene.job.address), scene.chain.tokens(&scene.job.vault));
    assert_eq!((job.state, vault.0), (JobState::Done as u8, usdc(10).0 - 100_000));
    assert_eq!(scene.chain.provider(&scene.node.provider.address).slashed, 0);
}

#[test]
fn a_done_job_is_closed_at_once() {
    let mut scene = Scene::new();
    scene.at(100);
    let last = scene.chain.settle(&scene.lease, &scene.final_voucher(100));
    scene.chain.send(&last).unwrap();
    let before = scene.chain.tokens(&scene.job.funder.tokens);
    scene.chain.do_close_job(&scene.job);
    let refund = scene.chain.tokens(&scene.job.funder.tokens).0 - before.0;
    assert_eq!(refund, usdc(10).0 - 100_000);
    assert!(!scene.chain.exists(&scene.job.address) && !scene.chain.exists(&scene.job.vault));
}

#[test]
fn an_expired_job_is_closed_at_once() {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(10));
    let job = chain.do_open_job(&buyer, 1, terms());
    chain.advance(Seconds(600));
    chain.do_expire_job(&job);
    chain.do_close_job(&job);
    assert_eq!(chain.tokens(&buyer.tokens), usdc(10));
    assert!(!chain.exists(&job.address) && !chain.exists(&job.vault));
}
