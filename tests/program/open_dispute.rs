use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::DisputeOpened;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{BasisPoints, JobTerms, MicroUsdc, Parameters, Seconds, UnixSeconds, Verification};
use millrace_testkit::{Environment, Signer, Wallet, parameters, terms, usdc};

use crate::disputed::{disputable, disputed, reported};
use crate::scene::Scene;

fn scheduler(chain: &mut Environment) -> Wallet {
    let tokens = chain.wallet(MicroUsdc::ZERO).tokens;
    let key = chain.scheduler.insecure_clone();
    chain.put_tokens(tokens, key.pubkey(), chain.mint, usdc(5));
    Wallet { key, tokens }
}

fn spot_checked() -> JobTerms {
    JobTerms { verification: Verification::SpotCheck { share: BasisPoints(500) }, ..disputable() }
}

#[test]
fn the_buyers_bond_goes_into_the_jobs_vault() {
    let Scene { mut chain, job, lease, node, .. } = reported(disputable());
    let sol = chain.lamports(&job.buyer.address());
    let call = chain.open_dispute(&lease, &job.buyer);
    let event: DisputeOpened = chain.send(&call).unwrap().event();
    let (address, now) = (Environment::dispute_of(&lease), chain.now().0);

    assert_eq!((event.job, event.lease, event.dispute), (job.address, lease.address, address));
    assert_eq!((event.challenger, event.evidence_hash, event.bond), (job.buyer.address(), [9; 32], usdc(1).0));
    assert_eq!((event.challenger_before, event.challenger_after), (usdc(90).0, usdc(89).0));
    assert_eq!((event.vault_before, event.vault_after), (usdc(10).0, usdc(11).0));
    assert_eq!((event.decide_by, event.at), (now + 7 * 86_400, now));
    let dispute = chain.dispute(&address);
    assert_eq!((dispute.job, dispute.lease), (job.address, lease.address));
    assert_eq!((dispute.challenger, dispute.rent_payer), (job.buyer.address(), job.buyer.address()));
    assert_eq!((dispute.bond, dispute.opened_at, dispute.decide_by), (usdc(1).0, now, now + 7 * 86_400));
    assert_eq!((dispute.evidence_hash, dispute.bump), ([9; 32], call.data.args.dispute_bump));
    assert_eq!(chain.lease(&lease.address).state, 3);
    let state = chain.job(&job.address);
    assert_eq!((state.state, state.dispute_bonds, state.reserved), (1, usdc(1).0, 200_000));
    assert_eq!(chain.provider(&node.provider.address).stake_locked, 3_600_000);
    assert_eq!((chain.tokens(&job.vault), chain.tokens(&job.buyer.tokens)), (usdc(11), usdc(89)));
    assert_eq!(chain.lamports(&job.buyer.address()), sol - chain.lamports(&address));
    chain.ledger().check();
}

#[test]
fn the_bond_is_a_share_of_the_cost_over_its_minimum() {
    let parameters = Parameters { minimum_dispute_bond: MicroUsdc(19_999), ..parameters() };
    let Scene { mut chain, job, lease, .. } = Scene::under(parameters, disputable());
    chain.advance(Seconds(200));
    chain.do_settle_final(&lease, Seconds(200), ExitClass::Completed);
    let event: DisputeOpened = chain.do_open_dispute(&lease, &job.buyer).event();
    assert_eq!(event.bond, 20_000);
}

#[test]
fn the_scheduler_disputes_what_its_spot_check_refutes() {
    let Scene { mut chain, job, lease, .. } = reported(spot_checked());
    let scheduler = scheduler(&mut chain);
    let event: DisputeOpened = chain.do_open_dispute(&lease, &scheduler).event();
    assert_eq!((event.challenger, event.challenger_after), (scheduler.address(), usdc(4).0));
    assert_eq!(chain.tokens(&job.vault), usdc(11));
    chain.ledger().check();
}

#[test]
fn refuses_every_other_challenger() {
    let Scene { mut chain, lease, .. } = reported(disputable());
    let (stranger, scheduler) = (chain.wallet(usdc(5)), scheduler(&mut chain));
    for challenger in [&stranger, &scheduler, &lease.node.provider.owner] {
        let call = chain.open_dispute(&lease, challenger);
        chain.refuses(&call, MarketError::WrongChallenger);
    }
    let Scene { mut chain, lease, .. } = reported(spot_checked());
    let stranger = chain.wallet(usdc(5));
    let call = chain.open_dispute(&lease, &stranger);
    chain.refuses(&call, MarketError::WrongChallenger);
}

#[test]
fn refuses_without_the_challengers_signature() {
    let Scene { mut chain, job, lease, .. } = reported(disputable());
    let call = chain.open_dispute(&lease, &job.buyer).without_signature_of(job.buyer.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn a_report_is_disputed_until_its_window_is_over_and_not_at_its_end() {
    let Scene { mut chain, job, lease, .. } = reported(disputable());
    let end = UnixSeconds(chain.lease(&lease.address).disputable_until);
    assert_eq!(end.since(chain.now()), Seconds(3_600));
    let call = chain.open_dispute(&lease, &job.buyer);
    chain.travel_to(end);
    chain.refuses(&call, MarketError::DeadlinePassed);

    let Scene { mut chain, job, lease, .. } = reported(disputable());
    chain.travel_to(UnixSeconds(end.0 - 1));
    chain.do_open_dispute(&lease, &job.buyer);
}

#[test]
fn refuses_a_lease_that_has_not_reported_or_is_disputed_already() {
    let Scene { mut chain, job, lease, .. } = Scene::with(disputable());
    let call = chain.open_dispute(&lease, &job.buyer);
    chain.refuses(&call, MarketError::LeaseNotReported);
    let Scene { mut chain, job, lease, .. } = disputed(disputable());
    let call = chain.open_dispute(&lease, &job.buyer);
    chain.refuses(&call, MarketError::LeaseNotReported);
}

#[test]
fn refuses_a_lease_that_settled_at_once() {
    let Scene { mut chain, job, lease, .. } = reported(terms());
    let call = chain.open_dispute(&lease, &job.buyer);
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn refuses_a_bond_that_is_not_there() {
    let Scene { mut chain, mut job, lease, .. } = reported(disputable());
    job.buyer.tokens = Pubkey::new_unique();
    chain.put_tokens(job.buyer.tokens, job.buyer.address(), chain.mint, MicroUsdc(999_999));
    let call = chain.open_dispute(&lease, &job.buyer);
    chain.refuses(&call, 1);
}

#[test]
fn refuses_a_bond_from_the_wrong_account() {
    let Scene { mut chain, job, lease, node, .. } = reported(disputable());
    let mut call = chain.open_dispute(&lease, &job.buyer);
    call.accounts.challenger_tokens = node.provider.owner.tokens;
    chain.refuses(&call, MarketError::WrongTokenOwner);
    call.accounts.challenger_tokens = job.vault;
    chain.refuses(&call, MarketError::WrongTokenOwner);
    call.accounts.challenger_tokens = Pubkey::new_unique();
    chain.put_tokens(call.accounts.challenger_tokens, job.buyer.address(), Pubkey::new_unique(), usdc(5));
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn refuses_accounts_of_another_job() {
    let mut scene = reported(disputable());
    let other = scene.unrelated();
    let Scene { mut chain, job, lease, .. } = scene;
    let mut call = chain.open_dispute(&lease, &job.buyer);
    call.accounts.job_vault = other.job.vault;
    chain.refuses(&call, MarketError::WrongVault);
    (call.accounts.job, call.accounts.job_vault) = (other.job.address, other.job.vault);
    chain.refuses(&call, MarketError::WrongJob);
}

#[test]
fn refuses_another_place_for_the_dispute() {
    let Scene { mut chain, job, lease, .. } = reported(disputable());
    let mut call = chain.open_dispute(&lease, &job.buyer);
    call.accounts.dispute = Pubkey::new_unique();
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
    let mut call = chain.open_dispute(&lease, &job.buyer);
    call.data.args.dispute_bump -= 1;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
}
