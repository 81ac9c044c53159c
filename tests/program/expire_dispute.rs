use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{LeaseSettled, SettledBy};
use millrace_testkit::protocol::{MicroUsdc, UnixSeconds};
use millrace_testkit::{Environment, Signer, usdc};

use crate::disputed::{disputable, disputed};
use crate::scene::Scene;

#[test]
fn a_silent_arbiter_leaves_the_report_as_it_is_and_every_bond_with_its_owner() {
    let Scene { mut chain, job, lease, node, .. } = disputed(disputable());
    let call = chain.expire_dispute(&lease, &job.buyer);
    let end = chain.dispute(&call.accounts.parties.dispute).decide_by;
    let sol = chain.lamports(&job.buyer.address()) + chain.lamports(&call.accounts.parties.dispute);
    chain.travel_to(UnixSeconds(end - 1));
    chain.refuses(&call, MarketError::DeadlineNotPassed);
    chain.travel_to(UnixSeconds(end));
    let event: LeaseSettled = chain.send(&call).unwrap().event();

    assert_eq!((event.by, event.outcome, event.job_state), (SettledBy::ArbiterSilent, 0, 3));
    assert_eq!((event.payment, event.fee, event.compensation, event.forfeit), (200_000, 10_000, 0, 0));
    assert_eq!((event.challenger_refund, event.challenger_forfeit), (usdc(1).0, 0));
    assert_eq!((event.before.job_vault, event.after.job_vault), (usdc(11).0, 9_800_000));
    assert_eq!((chain.tokens(&job.vault).0, chain.tokens(&job.buyer.tokens)), (9_800_000, usdc(90)));
    assert_eq!(chain.tokens(&node.provider.earnings_vault).0, 200_000);
    assert_eq!(chain.tokens(&node.provider.stake_vault), usdc(100));
    assert_eq!(chain.lamports(&job.buyer.address()), sol);
    assert_eq!((chain.job(&job.address).disputes_lost, chain.job(&job.address).dispute_bonds), (0, 0));
    assert!(!chain.exists(&lease.address) && !chain.exists(&Environment::dispute_of(&lease)));
    chain.ledger().check();
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn refuses_money_and_rent_for_somebody_else() {
    let Scene { mut chain, job, lease, node, .. } = disputed(disputable());
    chain.travel_to(UnixSeconds(chain.now().0 + 7 * 86_400));
    let mut call = chain.expire_dispute(&lease, &job.buyer);
    call.accounts.parties.challenger_tokens = node.provider.owner.tokens;
    chain.refuses(&call, MarketError::WrongTokenOwner);
    let mut call = chain.expire_dispute(&lease, &job.buyer);
    call.accounts.parties.dispute_rent_payer = chain.scheduler.pubkey();
    chain.refuses(&call, MarketError::WrongRentPayer);
    let stranger = chain.wallet(MicroUsdc::ZERO);
    let mut call = chain.expire_dispute(&lease, &job.buyer);
    call.accounts.parties.lease.rent_payer = stranger.address();
    chain.refuses(&call, MarketError::WrongRentPayer);
}

#[test]
fn refuses_a_lease_that_is_not_disputed() {
    let Scene { mut chain, job, lease, .. } = disputed(disputable());
    let mut undisputed = chain.lease(&lease.address);
    undisputed.state = 2;
    chain.put(lease.address, &undisputed);
    chain.travel_to(UnixSeconds(chain.now().0 + 7 * 86_400));
    let call = chain.expire_dispute(&lease, &job.buyer);
    chain.refuses(&call, MarketError::LeaseNotDisputed);
}
