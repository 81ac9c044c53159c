use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::LeaseSettled;
use millrace_testkit::protocol::{JobTerms, Payment, PricePerGpuHour, Seconds};
use millrace_testkit::{Signer, hardware, terms, usdc};

use crate::scene::Scene;

#[test]
fn a_node_that_never_starts_loses_the_abandon_share_of_its_bond() {
    let mut scene = Scene::new();
    let (sol, rent) =
        (scene.chain.lamports(&scene.chain.scheduler.pubkey()), scene.chain.lamports(&scene.lease.address));
    let event = scene.expires_exactly_after(Seconds(300));

    // 10 % of 3.60 USDC.
    assert_eq!((event.outcome, event.compensation, event.lease_paid), (4, 360_000, 0));
    assert_eq!((event.before.stake_vault, event.after.stake_vault), (usdc(100).0, usdc(100).0 - 360_000));
    assert_eq!((event.before.job_vault, event.after.job_vault), (usdc(10).0, usdc(10).0 + 360_000));
    let Scene { chain, node, job, .. } = scene;
    let provider = chain.provider(&node.provider.address);
    assert_eq!((provider.stake_total, provider.stake_locked, provider.slashed), (usdc(100).0 - 360_000, 0, 360_000));
    let state = chain.job(&job.address);
    assert_eq!((state.state, state.compensation, state.reserved, state.attempts_failed), (0, 360_000, 0, 1));
    assert_eq!(state.start_deadline, chain.now().0 + 600);
    assert_eq!(chain.node(&node.address).leased, 0);
    assert_eq!(chain.lamports(&chain.scheduler.pubkey()), sol + rent);
}

#[test]
fn a_node_that_falls_silent_keeps_its_pay_and_loses_the_lost_share() {
    let mut scene = Scene::new();
    scene.chain.advance(Seconds(100));
    scene.chain.do_settle(&scene.lease, Seconds(80));
    let event = scene.expires_exactly_after(Seconds(100 + 900));

    // 25 % of 3.60 USDC.
    assert_eq!((event.outcome, event.compensation, event.lease_paid, event.lease_fees), (5, 900_000, 80_000, 4_000));
    assert_eq!((event.metered_seconds, event.sequence), (80, 1));
    assert_eq!(scene.chain.tokens(&scene.node.provider.earnings_vault).0, 80_000);
    assert_eq!(scene.chain.tokens(&scene.job.vault).0, usdc(10).0 - 80_000 + 900_000);
}

#[test]
fn every_voucher_moves_the_checkpoint_on() {
    let mut scene = Scene::new();
    scene.chain.advance(Seconds(100));
    scene.chain.do_settle(&scene.lease, Seconds(80));
    scene.chain.advance(Seconds(800));
    scene.chain.do_settle(&scene.lease, Seconds(880));
    let event = scene.expires_exactly_after(Seconds(900 + 900));
    assert_eq!((event.outcome, event.lease_paid), (5, 880_000));
}

#[test]
fn a_lease_past_its_end_and_grace_is_settled_without_a_penalty() {
    let mut scene = Scene::with(JobTerms { lease_seconds: Seconds(60), ..terms() });
    scene.chain.advance(Seconds(200));
    scene.chain.do_settle(&scene.lease, Seconds(60));
    // Opened + 300 to start + 60 to run + 600 grace comes before the checkpoint at 1100.
    let event = scene.expires_exactly_after(Seconds(960));
    assert_eq!((event.outcome, event.compensation, event.lease_paid), (6, 0, 60_000));
    assert_eq!(scene.chain.provider(&scene.node.provider.address).slashed, 0);
}

#[test]
fn what_accrued_for_a_result_that_never_came_is_paid() {
    let on_result = JobTerms { payment: Payment::OnResult, lease_seconds: Seconds(60), ..terms() };
    let mut scene = Scene::with(on_result);
    scene.chain.advance(Seconds(200));
    scene.chain.do_settle(&scene.lease, Seconds(60));
    let event = scene.expires_exactly_after(Seconds(960));
    assert_eq!((event.outcome, event.payment, event.fee, event.lease_paid), (6, 60_000, 3_000, 60_000));
    assert_eq!((event.before.earnings_vault, event.after.earnings_vault), (0, 60_000));

    let mut scene = Scene::with(JobTerms { lease_seconds: Seconds(3_600), ..on_result });
    scene.chain.advance(Seconds(100));
    scene.chain.do_settle(&scene.lease, Seconds(80));
    let event = scene.expires_exactly_after(Seconds(1_000));
    assert_eq!((event.outcome, event.payment, event.compensation), (5, 80_000, 900_000));
}

#[test]
fn a_node_sent_away_before_its_start_by_a_notice_has_abandoned_nothing() {
    let mut scene = Scene::preemptible(terms());
    scene.chain.advance(Seconds(100));
    scene.chain.do_notice_preemption(&scene.lease);
    let event = scene.expires_exactly_after(Seconds(160 + 600));
    assert_eq!((event.outcome, event.compensation, event.job_state), (7, 0, 0));
}

#[test]
fn a_cancelled_lease_is_settled_after_the_grace_without_a_penalty() {
    let mut scene = Scene::new();
    scene.chain.advance(Seconds(100));
    scene.chain.do_settle(&scene.lease, Seconds(80));
    scene.chain.advance(Seconds(10));
    scene.chain.do_cancel_job(&scene.job);
    let event = scene.expires_exactly_after(Seconds(110 + 600));
    assert_eq!((event.outcome, event.compensation, event.lease_paid, event.job_state), (6, 0, 80_000, 3));
}

#[test]
fn a_cancel_before_the_start_excuses_a_node_that_never_started() {
    let mut scene = Scene::new();
    scene.chain.advance(Seconds(10));
    scene.chain.do_cancel_job(&scene.job);
    let event = scene.expires_exactly_after(Seconds(10 + 600));
    assert_eq!((event.outcome, event.compensation, event.job_state), (6, 0, 3));
}

#[test]
fn a_cancel_once_the_start_is_missed_excuses_nothing() {
    let Scene { mut chain, job, lease, .. } = Scene::new();
    chain.advance(Seconds(300));
    chain.do_cancel_job(&job);
    let event: LeaseSettled = chain.do_expire_lease(&lease).event();
    assert_eq!((event.outcome, event.compensation, event.job_state), (4, 360_000, 3));
}

#[test]
fn the_outcome_does_not_depend_on_when_somebody_comes_by() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.advance(Seconds(1_000_000));
    let event: LeaseSettled = chain.do_expire_lease(&lease).event();
    assert_eq!((event.outcome, event.compensation), (4, 360_000));
}

#[test]
fn the_last_attempt_ends_the_job() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    chain.advance(Seconds(300));
    chain.do_expire_lease(&lease);
    let second = chain.do_open_lease(&job, &node);
    chain.advance(Seconds(300));
    let event: LeaseSettled = chain.do_expire_lease(&second).event();
    assert_eq!((event.job_state, chain.job(&job.address).attempts_failed), (3, 2));
    assert_eq!(chain.job(&job.address).compensation, 720_000);
}

#[test]
fn refuses_a_second_expiry() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.advance(Seconds(300));
    let call = chain.expire_lease(&lease);
    chain.send(&call).unwrap();
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn refuses_accounts_that_the_lease_does_not_name() {
    let mut scene = Scene::new();
    let other = scene.unrelated();
    let Scene { mut chain, node, lease, .. } = scene;
    let second_node = chain.do_add_node(&node.provider, hardware(), PricePerGpuHour(3_600_000));
    chain.advance(Seconds(300));

    let mut call = chain.expire_lease(&lease);
    (call.accounts.parties.job, call.accounts.parties.job_vault) = (other.job.address, other.job.vault);
    chain.refuses(&call, MarketError::WrongJob);
    let mut call = chain.expire_lease(&lease);
    call.accounts.node = second_node.address;
    chain.refuses(&call, MarketError::WrongNode);
    let mut call = chain.expire_lease(&lease);
    call.accounts.parties.provider = other.node.provider.address;
    call.accounts.parties.stake_vault = other.node.provider.stake_vault;
    chain.refuses(&call, MarketError::WrongProvider);
    let mut call = chain.expire_lease(&lease);
    call.accounts.parties.rent_payer = other.job.buyer.address();
    chain.refuses(&call, MarketError::WrongRentPayer);
}

#[test]
fn refuses_the_vaults_of_others() {
    let mut scene = Scene::new();
    let other = scene.unrelated();
    let Scene { mut chain, node, lease, .. } = scene;
    chain.advance(Seconds(300));
    let mut call = chain.expire_lease(&lease);
    call.accounts.parties.job_vault = other.job.vault;
    chain.refuses(&call, MarketError::WrongVault);
    for vault in [other.node.provider.stake_vault, node.provider.earnings_vault] {
        let mut call = chain.expire_lease(&lease);
        call.accounts.parties.stake_vault = vault;
        chain.refuses(&call, MarketError::WrongVault);
    }
}
