use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::QuorumTallied;
use millrace_testkit::{Environment, usdc};

use crate::round::{COMMIT_BY, LONG, REVEAL_WINDOW, RIGHT, Round, WRONG, counted};

#[test]
fn counts_at_once_when_everybody_has_revealed() {
    let mut round = Round::revealed(&[RIGHT, WRONG, RIGHT], 2);
    let event: QuorumTallied = round.chain.do_tally_quorum(&round.job).event();
    let address = round.chain.round_of(&round.job).0;
    assert_eq!((event.job, event.quorum, event.round), (round.job.address, address, 0));
    assert_eq!((event.verdict, event.winner, event.at), (1, RIGHT, round.chain.now().0));
    let quorum = round.chain.quorum(&address);
    assert_eq!((quorum.verdict, quorum.winner), (1, RIGHT));
    let call = round.chain.tally_quorum(&round.job);
    round.chain.refuses(&call, MarketError::QuorumCounted);
}

#[test]
fn counts_nothing_where_too_few_agree() {
    let mut round = Round::revealed(&[RIGHT, WRONG, [9; 32]], 2);
    let event: QuorumTallied = round.chain.do_tally_quorum(&round.job).event();
    assert_eq!((event.verdict, event.winner), (2, [0; 32]));
}

#[test]
fn waits_for_a_reveal_until_its_time_is_over() {
    let mut round = Round::new(2, 3);
    round.at(100);
    round.report(0..3);
    (0..3).for_each(|member| round.commit(member, RIGHT));
    (0..2).for_each(|member| round.reveal(member, RIGHT));
    let call = round.chain.tally_quorum(&round.job);
    round.at(100 + REVEAL_WINDOW - 1);
    round.chain.refuses(&call, MarketError::DeadlineNotPassed);
    round.at(100 + REVEAL_WINDOW);
    let event: QuorumTallied = round.chain.send(&call).unwrap().event();
    assert_eq!((event.verdict, event.winner), (1, RIGHT));
}

#[test]
fn waits_for_a_commitment_until_its_time_and_that_of_the_reveal_are_over() {
    let mut round = Round::new(2, 3);
    round.at(100);
    round.report(0..3);
    let call = round.chain.tally_quorum(&round.job);
    round.at(COMMIT_BY + REVEAL_WINDOW - 1);
    round.chain.refuses(&call, MarketError::DeadlineNotPassed);
    round.at(COMMIT_BY + REVEAL_WINDOW);
    let event: QuorumTallied = round.chain.send(&call).unwrap().event();
    assert_eq!(event.verdict, 2);
}

#[test]
fn refuses_a_round_that_nobody_joined() {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, counted(2, 3));
    chain.do_open_round(&job);
    chain.advance(LONG);
    let call = chain.tally_quorum(&job);
    chain.refuses(&call, MarketError::DeadlineNotPassed);
}

#[test]
fn refuses_what_is_no_round() {
    let mut round = Round::revealed(&[RIGHT, RIGHT], 2);
    let mut call = round.chain.tally_quorum(&round.job);
    call.accounts.quorum = round.job.address;
    round.chain.refuses(&call, ErrorCode::AccountDiscriminatorMismatch);
    let thief = anchor_lang::prelude::Pubkey::new_unique();
    call.accounts.quorum = round.chain.forge(round.chain.round_of(&round.job).0, thief);
    round.chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}
