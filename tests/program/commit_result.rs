use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::ResultCommitted;
use millrace_testkit::{Signer, commitment};

use crate::round::{COMMIT_BY, REVEAL_WINDOW, RIGHT, Round, WRONG};

#[test]
fn keeps_the_commitment_and_starts_the_reveal_with_the_last_one() {
    let mut round = Round::new(2, 2);
    round.at(100);
    round.report(0..2);
    let hash = commitment(&round.leases[0], RIGHT, [0; 32]);
    let event: ResultCommitted = round.chain.do_commit_result(&round.leases[0], RIGHT, [0; 32]).event();
    let (address, now) = (round.chain.round_of(&round.job).0, round.chain.now().0);
    assert_eq!((event.job, event.quorum, event.round), (round.job.address, address, 0));
    assert_eq!((event.lease, event.commitment), (round.leases[0].address, hash));
    assert_eq!((event.commit_by, event.reveal_by, event.at), (round.opened.0 + COMMIT_BY, 0, now));
    assert_eq!((round.states(), round.chain.quorum(&address).members[0].hash), (vec![1, 0], hash));

    let event: ResultCommitted = round.chain.do_commit_result(&round.leases[1], RIGHT, [1; 32]).event();
    assert_eq!(event.reveal_by, now + REVEAL_WINDOW);
    assert_eq!((round.states(), round.chain.quorum(&address).reveal_by), (vec![1, 1], now + REVEAL_WINDOW));
}

#[test]
fn a_node_may_commit_before_its_lease_has_reported() {
    let mut round = Round::new(2, 2);
    round.commit(0, RIGHT);
    round.at(100);
    round.report(0..2);
    assert_eq!(round.states(), [1, 0]);
}

#[test]
fn refuses_whoever_is_not_the_node() {
    let mut round = Round::new(2, 2);
    let (lease, other) = (round.leases[0].clone(), round.leases[1].clone());
    let mut call = round.chain.commit_result(&lease, RIGHT);
    call.accounts.node_key = other.node.key.pubkey();
    call.signers.push(other.node.key.insecure_clone());
    round.chain.refuses(&call, MarketError::WrongNodeKey);
    call.accounts.node = other.node.address;
    round.chain.refuses(&call, MarketError::WrongNode);
    let call = round.chain.commit_result(&lease, RIGHT).without_signature_of(lease.node.key.pubkey());
    round.chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn refuses_a_round_that_the_lease_is_not_in() {
    let mut round = Round::new(2, 2);
    let (other, _) = round.unrelated();
    let mut call = round.chain.commit_result(&round.leases[0], RIGHT);
    call.accounts.quorum = round.chain.round_of(&other).0;
    round.chain.refuses(&call, MarketError::WrongQuorum);

    // No instruction leaves a member's account behind: made up.
    let address = round.chain.round_of(&round.job).0;
    let mut quorum = round.chain.quorum(&address);
    quorum.members[0].lease = other.address;
    round.chain.put(address, &quorum);
    let call = round.chain.commit_result(&round.leases[0], RIGHT);
    round.chain.refuses(&call, MarketError::NotAMember);
}

#[test]
fn refuses_a_second_commitment() {
    let mut round = Round::new(2, 2);
    round.commit(0, RIGHT);
    for root in [RIGHT, WRONG] {
        let call = round.chain.commit_result(&round.leases[0], root);
        round.chain.refuses(&call, MarketError::CommittedAlready);
    }
}

#[test]
fn refuses_at_the_deadline_and_not_a_second_before() {
    let mut round = Round::new(2, 2);
    round.at(100);
    round.report(0..2);
    round.at(COMMIT_BY - 1);
    round.commit(0, RIGHT);
    round.at(COMMIT_BY);
    let call = round.chain.commit_result(&round.leases[1], RIGHT);
    round.chain.refuses(&call, MarketError::DeadlinePassed);
}

#[test]
fn refuses_a_lease_that_is_gone() {
    let mut round = Round::new(2, 2);
    let call = round.chain.commit_result(&round.leases[0], RIGHT);
    round.at(300);
    round.chain.do_expire_lease(&round.leases[0]);
    round.chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}
