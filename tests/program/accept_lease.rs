use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{LeaseSettled, SettledBy};
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{JobTerms, MicroUsdc, Payment, Seconds};
use millrace_testkit::{Environment, Signer, terms, usdc};

use crate::round::Round;
use crate::scene::{Scene, disputable};

#[test]
fn pays_what_accrued_and_frees_the_bond_before_the_window_is_over() {
    let Scene { mut chain, node, job, lease, .. } =
        Scene::reported(JobTerms { payment: Payment::OnResult, ..disputable() });
    let (sol, rent) = (chain.lamports(&chain.scheduler.pubkey()), chain.lamports(&lease.address));
    let event: LeaseSettled = chain.do_accept_lease(&lease).event();

    assert_eq!((event.by, event.outcome, event.payment, event.fee), (SettledBy::Acceptance, 0, 80_000, 4_000));
    assert_eq!((event.lease_paid, event.compensation, event.forfeit), (80_000, 0, 0));
    assert_eq!((event.before.job_vault, event.after.job_vault), (usdc(10).0, usdc(10).0 - 80_000));
    assert_eq!((event.before.earnings_vault, event.after.earnings_vault), (0, 80_000));
    assert_eq!((event.before.stake_vault, event.after.stake_vault), (usdc(100).0, usdc(100).0));
    assert!(!chain.exists(&lease.address));
    assert_eq!(chain.lamports(&chain.scheduler.pubkey()), sol + rent);
    let state = chain.job(&job.address);
    assert_eq!((state.state, state.reported_leases, state.reserved, state.paid, state.fees), (3, 0, 0, 76_000, 4_000));
    let provider = chain.provider(&node.provider.address);
    assert_eq!((provider.stake_locked, provider.earnings_owner, provider.earnings_fees), (0, 76_000, 4_000));
    assert_eq!(provider.reputation_good, 4_000);
    chain.ledger().check();
}

#[test]
fn what_was_streamed_is_not_paid_again() {
    let Scene { mut chain, node, lease, .. } = Scene::reported(disputable());
    let event: LeaseSettled = chain.do_accept_lease(&lease).event();
    assert_eq!((event.payment, event.lease_paid, event.bond), (0, 80_000, 3_600_000));
    assert_eq!(chain.tokens(&node.provider.earnings_vault).0, 80_000);
    assert_eq!(chain.provider(&node.provider.address).stake_locked, 0);
    chain.ledger().check();
}

#[test]
fn accepts_after_the_window_too() {
    let Scene { mut chain, lease, .. } = Scene::reported(disputable());
    chain.advance(Seconds(5_000));
    chain.do_accept_lease(&lease);
}

#[test]
fn refuses_a_member_of_a_round() {
    let mut round = Round::new(2, 3);
    round.at(100);
    round.report(0..1);
    let call = round.chain.accept_lease(&round.leases[0]);
    round.chain.refuses(&call, MarketError::NotForQuorum);
}

#[test]
fn refuses_a_disputed_lease() {
    let Scene { mut chain, job, lease, .. } = Scene::reported(disputable());
    chain.do_open_dispute(&lease, &job.buyer);
    let call = chain.accept_lease(&lease);
    chain.advance(Seconds(1_000));
    chain.refuses(&call, MarketError::LeaseNotReported);
}

#[test]
fn refuses_a_lease_that_is_not_reported() {
    let Scene { mut chain, lease, .. } = Scene::with(disputable());
    let call = chain.accept_lease(&lease);
    chain.refuses(&call, MarketError::LeaseNotReported);
    chain.advance(Seconds(100));
    chain.do_settle(&lease, Seconds(80));
    chain.refuses(&call, MarketError::LeaseNotReported);
}

#[test]
fn refuses_a_second_acceptance() {
    let Scene { mut chain, lease, .. } = Scene::reported(disputable());
    let call = chain.accept_lease(&lease);
    chain.send(&call).unwrap();
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn refuses_whoever_is_not_the_buyer() {
    let mut chain = Environment::new();
    let (buyer, funder, node) = (chain.wallet(usdc(0)), chain.wallet(usdc(10)), chain.rig(usdc(100)));
    let job = Environment::job_of(&buyer, &funder, 1);
    let call = chain.open_job(&job, 1, disputable());
    chain.send(&call).unwrap();
    let lease = chain.do_open_lease(&job, &node);
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(80), ExitClass::Completed);

    let call = chain.accept_lease(&lease).without_signature_of(buyer.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
    for other in [funder, node.provider.owner, chain.wallet(MicroUsdc::ZERO)] {
        let mut call = chain.accept_lease(&lease);
        call.accounts.buyer = other.address();
        call.signers.push(other.key);
        chain.refuses(&call, MarketError::WrongBuyer);
    }
}

#[test]
fn refuses_accounts_that_the_lease_does_not_name() {
    let mut scene = Scene::reported(disputable());
    let other = scene.unrelated();
    let Scene { mut chain, job, lease, .. } = scene;
    let mine = chain.do_open_job(&job.buyer, 2, terms());
    let mut call = chain.accept_lease(&lease);
    (call.accounts.parties.job, call.accounts.parties.job_vault) = (mine.address, mine.vault);
    chain.refuses(&call, MarketError::WrongJob);
    let mut call = chain.accept_lease(&lease);
    call.accounts.parties.job_vault = mine.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let theirs = &other.node.provider;
    let mut call = chain.accept_lease(&lease);
    (call.accounts.parties.provider, call.accounts.parties.stake_vault, call.accounts.parties.earnings_vault) =
        (theirs.address, theirs.stake_vault, theirs.earnings_vault);
    chain.refuses(&call, MarketError::WrongProvider);
    let mut call = chain.accept_lease(&lease);
    call.accounts.parties.stake_vault = theirs.stake_vault;
    chain.refuses(&call, MarketError::WrongVault);
    let mut call = chain.accept_lease(&lease);
    call.accounts.parties.earnings_vault = theirs.earnings_vault;
    chain.refuses(&call, MarketError::WrongVault);
    let mut call = chain.accept_lease(&lease);
    call.accounts.parties.rent_payer = job.buyer.address();
    chain.refuses(&call, MarketError::WrongRentPayer);
    let mut call = chain.accept_lease(&lease);
    call.accounts.parties.token_program = anchor_lang::system_program::ID;
    chain.refuses(&call, ErrorCode::InvalidProgramId);
}
