use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{LeaseSettled, VoucherSettled};
use millrace_testkit::protocol::{JobTerms, LeaseOutcome, PricePerGpuHour, Ruling, Seconds, ServiceLevel};
use millrace_testkit::{Environment, LeaseHandle, parameters, terms, usdc};

use super::disputable;
use crate::scene::Scene;

/// 1 hour at 3.60 USDC.
const BOND: u64 = 3_600_000;

impl Scene {
    /// Refused in the second before, done at `deadline`: how the lease ended, and what of its bond was taken.
    fn expires_at(&mut self, deadline: u64) -> (LeaseOutcome, u64) {
        self.at(deadline - 1);
        self.chain.refuses(&self.chain.expire_lease(&self.lease), MarketError::DeadlineNotPassed);
        self.at(deadline);
        let event: LeaseSettled = self.chain.do_expire_lease(&self.lease).event();
        self.chain.ledger().check();
        assert_eq!(event.forfeit, 0);
        (LeaseOutcome::try_from(event.outcome).unwrap(), event.compensation)
    }

    fn earned(&self) -> u64 {
        self.chain.tokens(&self.node.provider.earnings_vault).0
    }
}

/// A spot lease at the rig's spot price, half of its price on demand: 500 micro-USDC a second.
fn spot() -> Scene {
    let mut chain = Environment::new();
    let node = chain.rig(usdc(100));
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, JobTerms { spot: true, ..terms() });
    let open = chain.open_lease_at(&job, &node, PricePerGpuHour(1_800_000), [0; 32]);
    let address = open.accounts.lease;
    chain.send(&open).unwrap();
    let lease = LeaseHandle { address, job: job.clone(), node: node.clone() };
    let opened = chain.now();
    Scene { chain, node, job, lease, opened }
}

#[test]
fn an_assigned_lease_is_abandoned() {
    let mut scene = Scene::new();
    let extend = scene.chain.extend_start(&scene.lease);
    scene.at(299);
    assert!(scene.chain.fork().send(&extend).is_ok());
    let mut late = scene.chain.fork();
    late.advance(Seconds(1));
    late.refuses(&extend, MarketError::DeadlinePassed);
    assert_eq!(scene.expires_at(300), (LeaseOutcome::Abandoned, BOND / 10));
    assert_eq!(scene.chain.provider(&scene.node.provider.address).stake_locked, 0);
}

#[test]
fn an_extended_start_is_abandoned() {
    let mut scene = Scene::new();
    scene.at(299);
    scene.chain.do_extend_start(&scene.lease);
    assert_eq!(scene.expires_at(600), (LeaseOutcome::Abandoned, BOND / 10));
}

#[test]
fn a_late_start_is_credited() {
    for (first, credit) in [(299, 0), (300, 40_000)] {
        let mut scene = Scene::with(JobTerms { service_level: ServiceLevel::Silver, ..terms() });
        scene.at(first);
        scene.chain.do_settle(&scene.lease, Seconds(1));
        scene.at(400);
        let last = scene.chain.settle(&scene.lease, &scene.final_voucher(400));
        let event: VoucherSettled = scene.chain.send(&last).unwrap().event();
        assert_eq!(event.compensation, credit, "{first}");
    }
}

#[test]
fn a_lease_sent_away_before_its_start_ends() {
    let mut cancelled = Scene::new();
    cancelled.at(100);
    cancelled.chain.do_cancel_job(&cancelled.job);
    assert_eq!(cancelled.expires_at(700), (LeaseOutcome::TimedOut, 0));
    let mut preempted = spot();
    preempted.at(100);
    preempted.chain.do_notice_preemption(&preempted.lease);
    assert_eq!(preempted.expires_at(760), (LeaseOutcome::Preempted, 0));
}

#[test]
fn a_silent_lease_is_lost() {
    let mut scene = Scene::new();
    scene.attest_until(60);
    let hold = scene.chain.hold_lease(&scene.lease);
    scene.at(959);
    assert!(scene.chain.fork().send(&hold).is_ok());
    let mut late = scene.chain.fork();
    late.advance(Seconds(1));
    late.refuses(&hold, MarketError::DeadlinePassed);
    assert_eq!(scene.expires_at(960), (LeaseOutcome::Lost, BOND / 4));
    assert_eq!(scene.earned(), 60_000);
}

#[test]
fn a_held_lease_outlives_its_attestor() {
    let mut scene = Scene::with(JobTerms { lease_seconds: Seconds(86_400), deposit: usdc(90), ..terms() });
    scene.attest_until(60);
    for number in 1..=24 {
        scene.at(60 + number * 899);
        scene.chain.do_hold_lease(&scene.lease);
    }
    let limit = 60 + 6 * 3_600;
    scene.at(limit - 1);
    scene.chain.refuses(&scene.chain.hold_lease(&scene.lease), MarketError::HoldLimit);
    assert_eq!(scene.expires_at(limit), (LeaseOutcome::AttestorGone, 0));
    assert_eq!(scene.earned(), 60_000);
}

#[test]
fn a_lease_past_its_end_is_settled() {
    let mut scene = Scene::new();
    for checkpoint in 1..=4 {
        scene.attest_until(checkpoint * 890);
    }
    scene.at(3_900);
    scene.chain.do_settle(&scene.lease, Seconds(3_600));
    // Ends by 300 + 3600, grace 600; the checkpoint would be due at 4800.
    assert_eq!(scene.expires_at(4_500), (LeaseOutcome::TimedOut, 0));
    assert_eq!(scene.earned(), 3_600_000);
}

#[test]
fn a_lease_is_extended_until_its_end() {
    let mut scene = Scene::with(JobTerms { lease_seconds: Seconds(900), ..terms() });
    let more = millrace_testkit::program::ExtendJobArgs { deposit: 0, lease_seconds: 100, start_window: 0 };
    let longer = scene.chain.extend_job(&scene.job, more);
    scene.chain.send(&longer).unwrap();
    let extend = scene.chain.extend_lease(&scene.lease, Seconds(100));
    scene.at(1_199);
    let mut before = scene.chain.fork();
    before.do_extend_lease(&scene.lease, Seconds(100));
    assert_eq!(before.lease(&scene.lease.address).ends_by, scene.opened.0 + 1_300);
    scene.at(1_200);
    scene.chain.refuses(&extend, MarketError::DeadlinePassed);
}

#[test]
fn a_notice_stops_the_meter() {
    for (metered, paid) in [(159, 159 * 500), (160, 160 * 500), (161, 160 * 500)] {
        let mut scene = spot();
        scene.at(100);
        scene.chain.do_notice_preemption(&scene.lease);
        scene.attest_until(metered);
        assert_eq!(scene.earned(), paid, "{metered}");
    }
}

#[test]
fn a_preempted_lease_is_settled() {
    let mut scene = spot();
    scene.attest_until(60);
    scene.at(100);
    scene.chain.do_notice_preemption(&scene.lease);
    assert_eq!(scene.expires_at(760), (LeaseOutcome::Preempted, 0));
    assert_eq!(scene.earned(), 60 * 500);
}

/// Reported at 200, after 200 seconds.
fn reported() -> Scene {
    let mut scene = Scene::with(disputable());
    scene.at(200);
    let last = scene.chain.settle(&scene.lease, &scene.final_voucher(200));
    scene.chain.send(&last).unwrap();
    scene
}

#[test]
fn a_report_nobody_objects_to_is_settled() {
    let mut scene = reported();
    let (finalize, dispute) =
        (scene.chain.finalize_lease(&scene.lease), scene.chain.open_dispute(&scene.lease, &scene.job.buyer));
    scene.at(3_799);
    scene.chain.refuses(&finalize, MarketError::DeadlineNotPassed);
    assert!(scene.chain.fork().send(&dispute).is_ok());
    scene.chain.fork().do_accept_lease(&scene.lease);
    scene.at(3_800);
    scene.chain.refuses(&dispute, MarketError::DeadlinePassed);
    scene.chain.do_finalize_lease(&scene.lease);
    assert_eq!(scene.earned(), 200_000);
    assert_eq!(scene.chain.provider(&scene.node.provider.address).stake_locked, 0);
}

#[test]
fn a_dispute_nobody_decides_is_settled_as_reported() {
    let mut scene = reported();
    let challenger = scene.job.buyer.clone();
    let purse = scene.chain.tokens(&challenger.tokens);
    scene.at(300);
    scene.chain.do_open_dispute(&scene.lease, &challenger);
    let resolve = scene.chain.resolve_dispute(&scene.lease, &challenger, Ruling::BuyerRight);
    let expire = scene.chain.expire_dispute(&scene.lease, &challenger);
    let decide_by = 300 + parameters().decide_window.0;
    scene.at(decide_by - 1);
    scene.chain.refuses(&expire, MarketError::DeadlineNotPassed);
    assert!(scene.chain.fork().send(&resolve).is_ok());
    scene.at(decide_by);
    scene.chain.refuses(&resolve, MarketError::DeadlinePassed);
    scene.chain.do_expire_dispute(&scene.lease, &challenger);
    assert_eq!((scene.earned(), scene.chain.tokens(&challenger.tokens)), (200_000, purse));
    assert_eq!(scene.chain.provider(&scene.node.provider.address).slashed, 0);
}
