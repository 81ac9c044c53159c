//! What a final voucher does where its lease is not settled at once, and what it costs a node that was
//! late, down, or at fault.

use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{LeaseSettled, VoucherSettled};
use millrace_testkit::protocol::voucher::{ExitClass, Voucher};
use millrace_testkit::protocol::{JobTerms, Payment, Seconds, ServiceLevel, UnixSeconds};
use millrace_testkit::{attestation, terms, usdc};

use crate::scene::{Scene, disputable};

fn on_result() -> JobTerms {
    JobTerms { payment: Payment::OnResult, ..terms() }
}

fn silver() -> JobTerms {
    JobTerms { service_level: ServiceLevel::Silver, ..terms() }
}

impl Scene {
    /// The lease's final voucher, with `downtime`.
    fn ends(&mut self, metered: u64, downtime: u64) -> VoucherSettled {
        let voucher = attestation(self.lease.address, 9, Seconds(metered));
        let last = Voucher { is_final: true, downtime: Seconds(downtime), result_root: [9; 32], ..voucher };
        let call = self.chain.settle(&self.lease, &last);
        let event = self.chain.send(&call).unwrap().event();
        self.chain.ledger().check();
        event
    }
}

#[test]
fn a_report_frees_the_units_and_the_reserve_and_keeps_the_bond() {
    let mut scene = Scene::with(disputable());
    scene.chain.advance(Seconds(100));
    let event = scene.ends(80, 0);

    let Scene { chain, node, job, lease, opened } = scene;
    let state = chain.lease(&lease.address);
    assert_eq!((state.state, state.reported, state.reserved, state.paid), (2, 0, 0, 80_000));
    assert_eq!((state.disputable_until, state.result_root), (opened.0 + 1_100, [9; 32]));
    let ledger = chain.job(&job.address);
    assert_eq!((ledger.state, ledger.live_leases, ledger.reported_leases, ledger.reserved), (1, 0, 1, 0));
    assert_eq!(chain.node(&node.address).leased, 0);
    assert_eq!(chain.provider(&node.provider.address).stake_locked, 3_600_000);
    assert_eq!((event.payment, event.outcome, event.settled), (80_000, Some(0), false));
    assert_eq!((event.disputable_until, event.result_root), (opened.0 + 1_100, [9; 32]));
}

#[test]
fn a_report_is_the_last_word_of_the_attestor_and_no_deadline_ends_it() {
    let Scene { mut chain, lease, .. } = Scene::reported(disputable());
    let call = chain.settle(&lease, &attestation(lease.address, 9, Seconds(90)));
    chain.refuses(&call, MarketError::LeaseNotLive);
    chain.advance(Seconds(100_000));
    let call = chain.expire_lease(&lease);
    chain.refuses(&call, MarketError::LeaseNotLive);
}

#[test]
fn nothing_is_paid_before_the_result_and_everything_with_it() {
    let mut scene = Scene::with(on_result());
    scene.chain.advance(Seconds(100));
    let event: VoucherSettled = scene.chain.do_settle(&scene.lease, Seconds(50)).event();
    assert_eq!((event.payment, event.lease_paid), (0, 0));
    scene.chain.advance(Seconds(100));
    let event = scene.ends(180, 0);
    assert_eq!((event.payment, event.fee, event.settled), (180_000, 9_000, true));
    assert_eq!(scene.chain.tokens(&scene.node.provider.earnings_vault).0, 180_000);
}

#[test]
fn a_report_holds_what_accrued_and_no_more() {
    let mut scene = Scene::with(JobTerms { payment: Payment::OnResult, ..disputable() });
    scene.chain.advance(Seconds(100));
    let event = scene.ends(80, 0);
    assert_eq!((event.payment, event.settled), (0, false));
    assert_eq!(scene.chain.job(&scene.job.address).reserved, 80_000);
    assert_eq!(scene.chain.tokens(&scene.job.vault), usdc(10));
}

#[test]
fn a_node_at_fault_is_not_paid_on_result_and_waits_for_no_window() {
    let mut scene = Scene::with(JobTerms { payment: Payment::OnResult, ..disputable() });
    scene.chain.advance(Seconds(100));
    let event: VoucherSettled = scene.chain.do_settle_final(&scene.lease, Seconds(80), ExitClass::NodeFault).event();
    assert_eq!((event.payment, event.settled, event.outcome, event.compensation), (0, true, Some(3), 0));
    let state = scene.chain.job(&scene.job.address);
    assert_eq!((state.state, state.attempts_failed, state.paid), (0, 1, 0));
    // What it would have paid as a fee: 5 % of 3.60 USDC.
    assert_eq!(scene.chain.provider(&scene.node.provider.address).reputation_bad, 180_000);
}

#[test]
fn downtime_past_the_service_level_is_credited_out_of_the_bond() {
    for (metered, downtime, credit) in [(99, 1, 0), (98, 2, 9_800), (90, 10, 27_000), (80, 20, 80_000)] {
        let mut scene = Scene::with(silver());
        scene.chain.advance(Seconds(100));
        let event = scene.ends(metered, downtime);
        assert_eq!((event.payment, event.compensation), (metered * 1_000, credit), "{downtime}");
        assert_eq!(event.before.stake_vault - event.after.stake_vault, credit);
        assert_eq!(event.before.job_vault - event.after.job_vault, metered * 1_000 - credit);
        let Scene { chain, node, job, .. } = scene;
        assert_eq!(chain.job(&job.address).compensation, credit);
        let provider = chain.provider(&node.provider.address);
        assert_eq!((provider.stake_total, provider.slashed), (usdc(100).0 - credit, credit));
        assert_eq!(provider.stake_locked, 0);
    }
}

#[test]
fn a_job_without_a_service_level_gets_no_credit() {
    let mut scene = Scene::new();
    scene.chain.advance(Seconds(100));
    assert_eq!(scene.ends(10, 90).compensation, 0);
}

#[test]
fn a_start_is_late_at_its_deadline_and_not_one_second_before() {
    for (first, credit) in [(299, 0), (300, 40_000)] {
        let mut scene = Scene::with(silver());
        scene.chain.travel_to(UnixSeconds(scene.opened.0 + first));
        scene.chain.do_settle(&scene.lease, Seconds(1));
        assert_eq!(scene.chain.lease(&scene.lease.address).started_late, u8::from(credit > 0));
        scene.chain.travel_to(UnixSeconds(scene.opened.0 + 500));
        assert_eq!(scene.ends(400, 0).compensation, credit, "{first}");
    }
}

#[test]
fn the_credit_of_a_report_is_paid_when_it_is_settled() {
    let mut scene = Scene::with(JobTerms { service_level: ServiceLevel::Silver, ..disputable() });
    scene.chain.advance(Seconds(100));
    assert_eq!(scene.ends(98, 2).compensation, 0);
    let event: LeaseSettled = scene.chain.do_accept_lease(&scene.lease).event();
    assert_eq!((event.compensation, event.payment), (9_800, 0));
    scene.chain.ledger().check();
}
