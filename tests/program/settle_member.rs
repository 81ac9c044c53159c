use anchor_lang::error::ErrorCode;
use millrace_testkit::Signer;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{LeaseSettled, SettledBy};
use millrace_testkit::usdc;

use crate::round::{LONG, RIGHT, Round, WRONG};

fn decided() -> Round {
    let mut round = Round::revealed(&[RIGHT, WRONG, RIGHT], 2);
    round.chain.do_tally_quorum(&round.job);
    round
}

#[test]
fn a_winner_is_paid_and_freed() {
    let mut round = decided();
    let lease = round.leases[0].clone();
    let (scheduler, rent) = (round.chain.scheduler.pubkey(), round.chain.lamports(&lease.address));
    let sol = round.chain.lamports(&scheduler);
    let event: LeaseSettled = round.chain.do_settle_member(&lease).event();
    assert_eq!((event.job, event.lease, event.by), (round.job.address, lease.address, SettledBy::Count));
    assert_eq!((event.outcome, event.payment, event.fee), (0, 100_000, 5_000));
    assert_eq!((event.compensation, event.forfeit, event.job_state), (0, 0, 1));
    assert_eq!((event.before.job_vault, event.after.job_vault), (usdc(12).0, usdc(12).0 - 100_000));
    assert_eq!((event.before.earnings_vault, event.after.earnings_vault), (0, 100_000));
    assert_eq!(round.vaults(0), (usdc(100).0, 100_000));
    assert_eq!(round.states(), [4, 2, 2]);
    let provider = round.chain.provider(&lease.node.provider.address);
    assert_eq!((provider.stake_locked, provider.earnings_owner, provider.earnings_fees), (0, 95_000, 5_000));
    assert!(!round.chain.exists(&lease.address));
    assert_eq!(round.chain.lamports(&scheduler), sol + rent);
    round.chain.ledger().check();
}

#[test]
fn the_outvoted_loses_its_bond_to_the_network() {
    let mut round = decided();
    let event: LeaseSettled = round.chain.do_settle_member(&round.leases[1]).event();
    assert_eq!((event.outcome, event.payment, event.compensation, event.forfeit), (9, 0, 0, 3_600_000));
    assert_eq!((event.before.stake_vault, event.after.stake_vault), (usdc(100).0, usdc(100).0 - 3_600_000));
    assert_eq!(round.vaults(1), (usdc(100).0 - 3_600_000, 3_600_000));
    let provider = round.chain.provider(&round.leases[1].node.provider.address);
    assert_eq!((provider.stake_locked, provider.slashed, provider.earnings_fees), (0, 3_600_000, 3_600_000));
    round.chain.ledger().check();
}

#[test]
fn refuses_before_the_count() {
    let mut round = Round::revealed(&[RIGHT, RIGHT], 2);
    let call = round.chain.settle_member(&round.leases[0]);
    round.chain.refuses(&call, MarketError::QuorumUndecided);
}

#[test]
fn refuses_a_member_that_still_runs() {
    let mut round = Round::new(2, 2);
    round.chain.advance(LONG);
    round.chain.do_tally_quorum(&round.job);
    let call = round.chain.settle_member(&round.leases[0]);
    round.chain.refuses(&call, MarketError::LeaseNotReported);
}

#[test]
fn refuses_a_second_settlement() {
    let mut round = decided();
    let call = round.chain.settle_member(&round.leases[0]);
    round.chain.send(&call).unwrap();
    round.chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn refuses_a_lease_that_is_not_in_the_round() {
    let mut round = decided();
    let address = round.chain.round_of(&round.job).0;
    let mut quorum = round.chain.quorum(&address);
    quorum.members[0].state = 3;
    round.chain.put(address, &quorum);
    let call = round.chain.settle_member(&round.leases[0]);
    round.chain.refuses(&call, MarketError::NotAMember);
}

#[test]
fn refuses_the_count_of_another_job() {
    let mut round = decided();
    let (other, leases) = round.unrelated();
    let call = round.chain.settle_member(&round.leases[0]);
    let mut wrong = round.chain.settle_member(&round.leases[0]);
    wrong.accounts.quorum = round.chain.round_of(&other).0;
    round.chain.refuses(&wrong, MarketError::WrongQuorum);
    let mut wrong = round.chain.settle_member(&leases[0]);
    wrong.accounts.quorum = call.accounts.quorum;
    round.chain.refuses(&wrong, MarketError::WrongQuorum);
    (wrong.accounts.parties.job, wrong.accounts.parties.job_vault) = (round.job.address, round.job.vault);
    round.chain.refuses(&wrong, MarketError::WrongJob);
}

#[test]
fn refuses_money_and_rent_for_somebody_else() {
    let mut round = decided();
    let (lease, other) = (round.leases[0].clone(), round.leases[2].node.provider.clone());
    let mut call = round.chain.settle_member(&lease);
    call.accounts.parties.rent_payer = round.job.buyer.address();
    round.chain.refuses(&call, MarketError::WrongRentPayer);
    let mut call = round.chain.settle_member(&lease);
    call.accounts.parties.earnings_vault = other.earnings_vault;
    round.chain.refuses(&call, MarketError::WrongVault);
    let mut call = round.chain.settle_member(&lease);
    call.accounts.parties.stake_vault = other.stake_vault;
    round.chain.refuses(&call, MarketError::WrongVault);
    call.accounts.parties.provider = other.address;
    call.accounts.parties.earnings_vault = other.earnings_vault;
    round.chain.refuses(&call, MarketError::WrongProvider);
}
