use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{PreemptionNoticed, VoucherSettled};
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{JobTerms, MicroUsdc, Payment, Seconds};
use millrace_testkit::{Environment, Signer, terms};

use crate::scene::{Scene, disputable};

#[test]
fn the_lease_ends_with_the_notice() {
    let Scene { mut chain, lease, opened, .. } = Scene::preemptible(terms());
    chain.advance(Seconds(100));
    let event: PreemptionNoticed = chain.do_notice_preemption(&lease).event();
    assert_eq!(chain.lease(&lease.address).preempted_at, opened.0 + 160);
    assert_eq!((event.lease, event.node), (lease.address, lease.node.address));
    assert_eq!((event.preempted_at, event.at), (opened.0 + 160, opened.0 + 100));
}

#[test]
fn seconds_past_the_notice_are_attested_and_not_paid() {
    let Scene { mut chain, job, lease, .. } = Scene::preemptible(terms());
    chain.advance(Seconds(100));
    chain.do_notice_preemption(&lease);
    chain.advance(Seconds(100));
    let event: VoucherSettled = chain.do_settle_final(&lease, Seconds(200), ExitClass::Released).event();
    assert_eq!((event.metered_seconds, event.payment), (200, 160 * 500));
    let state = chain.job(&job.address);
    assert_eq!((state.state, state.attempts_failed, state.reserved), (0, 0, 0));
    chain.ledger().check();
}

#[test]
fn a_preempted_lease_without_a_final_voucher_is_settled_after_the_grace() {
    for payment in [Payment::Streaming, Payment::OnResult] {
        let mut scene = Scene::preemptible(JobTerms { payment, ..terms() });
        scene.chain.advance(Seconds(100));
        scene.chain.do_settle(&scene.lease, Seconds(80));
        scene.chain.advance(Seconds(100));
        scene.chain.do_notice_preemption(&scene.lease);
        let event = scene.expires_exactly_after(Seconds(260 + 600));
        assert_eq!((event.outcome, event.compensation, event.lease_paid, event.lease_fees), (7, 0, 40_000, 2_000));
        let Scene { chain, node, job, .. } = scene;
        let state = chain.job(&job.address);
        assert_eq!((state.state, state.attempts_failed, state.paid, state.fees), (0, 0, 38_000, 2_000));
        assert_eq!(chain.provider(&node.provider.address).slashed, 0);
    }
}

#[test]
fn refuses_a_job_that_takes_no_spot_leases() {
    let Scene { mut chain, lease, .. } = Scene::new();
    let call = chain.notice_preemption(&lease);
    chain.refuses(&call, MarketError::NotSpot);
}

#[test]
fn refuses_a_second_notice() {
    let Scene { mut chain, lease, .. } = Scene::preemptible(terms());
    chain.do_notice_preemption(&lease);
    chain.advance(Seconds(1));
    let call = chain.notice_preemption(&lease);
    chain.refuses(&call, MarketError::PreemptedAlready);
}

#[test]
fn refuses_a_lease_that_has_ended() {
    let Scene { mut chain, lease, .. } = Scene::preemptible(disputable());
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(80), ExitClass::Completed);
    let call = chain.notice_preemption(&lease);
    chain.refuses(&call, MarketError::LeaseNotLive);
}

#[test]
fn refuses_whoever_is_not_the_scheduler() {
    let Scene { mut chain, job, lease, .. } = Scene::preemptible(terms());
    let call = chain.notice_preemption(&lease).without_signature_of(chain.scheduler.pubkey());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
    for other in [job.buyer.clone(), chain.wallet(MicroUsdc::ZERO)] {
        let mut call = chain.notice_preemption(&lease);
        call.accounts.scheduler = other.address();
        call.signers.push(other.key);
        chain.refuses(&call, MarketError::WrongScheduler);
    }
}

#[test]
fn refuses_the_terms_of_another_job() {
    let Scene { mut chain, job, lease, .. } = Scene::new();
    let spot = chain.do_open_job(&job.buyer, 2, JobTerms { spot: true, ..terms() });
    let mut call = chain.notice_preemption(&lease);
    call.accounts.job = spot.address;
    chain.refuses(&call, MarketError::WrongJob);
}

#[test]
fn refuses_another_config() {
    let Scene { mut chain, lease, .. } = Scene::preemptible(terms());
    let mut call = chain.notice_preemption(&lease);
    call.accounts.config = chain.forge(Environment::config_address(), millrace_testkit::program::ID);
    chain.refuses(&call, ErrorCode::ConstraintAddress);
}
