use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{LeaseSettled, SettledBy};
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{JobTerms, Payment, Seconds, UnixSeconds};
use millrace_testkit::{Signer, usdc};

use crate::round::Round;
use crate::scene::{Scene, disputable};

#[test]
fn pays_what_accrued_exactly_when_the_window_is_over() {
    let Scene { mut chain, node, job, lease, opened } =
        Scene::reported(JobTerms { payment: Payment::OnResult, ..disputable() });
    let (sol, rent) = (chain.lamports(&chain.scheduler.pubkey()), chain.lamports(&lease.address));
    let over = UnixSeconds(opened.0 + 100 + 1_000);
    assert_eq!(chain.lease(&lease.address).disputable_until, over.0);
    let call = chain.finalize_lease(&lease);
    chain.travel_to(UnixSeconds(over.0 - 1));
    chain.refuses(&call, MarketError::DeadlineNotPassed);
    chain.travel_to(over);
    let event: LeaseSettled = chain.do_finalize_lease(&lease).event();

    assert_eq!((event.by, event.outcome, event.payment, event.fee), (SettledBy::WindowOver, 0, 80_000, 4_000));
    assert_eq!((event.before.job_vault, event.after.job_vault), (usdc(10).0, usdc(10).0 - 80_000));
    assert_eq!((event.before.earnings_vault, event.after.earnings_vault), (0, 80_000));
    assert!(!chain.exists(&lease.address));
    assert_eq!(chain.lamports(&chain.scheduler.pubkey()), sol + rent);
    let state = chain.job(&job.address);
    assert_eq!((state.state, state.reported_leases, state.reserved), (3, 0, 0));
    assert_eq!(chain.provider(&node.provider.address).stake_locked, 0);
    chain.ledger().check();
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn a_cancel_after_the_report_lowers_nothing() {
    let Scene { mut chain, job, lease, .. } = Scene::reported(JobTerms { payment: Payment::OnResult, ..disputable() });
    chain.do_cancel_job(&job);
    chain.advance(Seconds(1_000));
    let event: LeaseSettled = chain.do_finalize_lease(&lease).event();
    assert_eq!((event.payment, event.job_state), (80_000, 3));
}

#[test]
fn what_was_released_sends_the_job_on() {
    let Scene { mut chain, job, lease, .. } = Scene::with(disputable());
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(80), ExitClass::Released);
    chain.advance(Seconds(1_000));
    let event: LeaseSettled = chain.do_finalize_lease(&lease).event();
    assert_eq!((event.outcome, event.job_state, chain.job(&job.address).attempts_failed), (2, 0, 0));
    assert_eq!(chain.job(&job.address).start_deadline, chain.now().0 + 600);
}

#[test]
fn refuses_a_member_of_a_round() {
    let mut round = Round::new(2, 3);
    round.at(100);
    round.report(0..1);
    let call = round.chain.finalize_lease(&round.leases[0]);
    round.chain.refuses(&call, MarketError::NotForQuorum);
}

#[test]
fn refuses_a_disputed_lease() {
    let Scene { mut chain, job, lease, .. } = Scene::reported(disputable());
    chain.do_open_dispute(&lease, &job.buyer);
    let call = chain.finalize_lease(&lease);
    chain.advance(Seconds(1_000));
    chain.refuses(&call, MarketError::LeaseNotReported);
}

#[test]
fn refuses_a_lease_that_is_not_reported() {
    let Scene { mut chain, lease, .. } = Scene::with(disputable());
    let call = chain.finalize_lease(&lease);
    chain.refuses(&call, MarketError::LeaseNotReported);
    chain.advance(Seconds(100));
    chain.do_settle(&lease, Seconds(80));
    chain.advance(Seconds(100_000));
    chain.refuses(&call, MarketError::LeaseNotReported);
}

#[test]
fn refuses_accounts_that_the_lease_does_not_name() {
    let mut scene = Scene::reported(disputable());
    let other = scene.unrelated();
    let Scene { mut chain, job, lease, .. } = scene;
    chain.advance(Seconds(1_000));
    let mut call = chain.finalize_lease(&lease);
    (call.accounts.parties.job, call.accounts.parties.job_vault) = (other.job.address, other.job.vault);
    chain.refuses(&call, MarketError::WrongJob);
    let theirs = &other.node.provider;
    let mut call = chain.finalize_lease(&lease);
    (call.accounts.parties.provider, call.accounts.parties.stake_vault, call.accounts.parties.earnings_vault) =
        (theirs.address, theirs.stake_vault, theirs.earnings_vault);
    chain.refuses(&call, MarketError::WrongProvider);
    let mut call = chain.finalize_lease(&lease);
    call.accounts.parties.job_vault = other.job.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let mut call = chain.finalize_lease(&lease);
    call.accounts.parties.earnings_vault = theirs.earnings_vault;
    chain.refuses(&call, MarketError::WrongVault);
    let mut call = chain.finalize_lease(&lease);
    call.accounts.parties.rent_payer = job.buyer.address();
    chain.refuses(&call, MarketError::WrongRentPayer);
}
