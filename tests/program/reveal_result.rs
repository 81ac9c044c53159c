use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::ResultRevealed;
use millrace_testkit::{Signer, commitment};

use crate::round::{COMMIT_BY, REVEAL_WINDOW, RIGHT, Round, WRONG};

fn committed() -> Round {
    let mut round = Round::new(2, 2);
    round.at(100);
    round.report(0..2);
    round.commit(0, RIGHT);
    round.commit(1, RIGHT);
    round
}

#[test]
fn shows_the_root_that_was_committed_to() {
    let mut round = committed();
    let event: ResultRevealed = round.chain.do_reveal_result(&round.leases[1], RIGHT, [1; 32]).event();
    let address = round.chain.round_of(&round.job).0;
    assert_eq!((event.job, event.quorum, event.round), (round.job.address, address, 0));
    assert_eq!((event.lease, event.root, event.at), (round.leases[1].address, RIGHT, round.chain.now().0));
    assert_eq!((round.states(), round.chain.quorum(&address).members[1].hash), (vec![1, 2], RIGHT));
}

#[test]
fn refuses_another_root_another_salt_and_a_second_time() {
    let mut round = committed();
    let lease = round.leases[0].clone();
    for (root, salt) in [(WRONG, [0; 32]), (RIGHT, [1; 32])] {
        let call = round.chain.reveal_result(&lease, root, salt);
        round.chain.refuses(&call, MarketError::CommitmentMismatch);
    }
    let call = round.chain.reveal_result(&lease, RIGHT, [0; 32]);
    round.chain.send(&call).unwrap();
    round.chain.refuses(&call, MarketError::NothingCommitted);
}

#[test]
fn a_copy_of_somebody_elses_commitment_cannot_be_revealed() {
    let mut round = Round::new(2, 2);
    round.at(100);
    round.report(0..2);
    round.commit(0, RIGHT);
    let copied = round.chain.commit_result(&round.leases[1], commitment(&round.leases[0], RIGHT, [0; 32]));
    round.chain.send(&copied).unwrap();
    round.reveal(0, RIGHT);
    let call = round.chain.reveal_result(&round.leases[1], RIGHT, [0; 32]);
    round.chain.refuses(&call, MarketError::CommitmentMismatch);
}

#[test]
fn refuses_while_others_may_commit() {
    let mut round = Round::new(2, 2);
    round.at(100);
    round.report(0..2);
    round.commit(0, RIGHT);
    let call = round.chain.reveal_result(&round.leases[0], RIGHT, [0; 32]);
    round.at(COMMIT_BY - 1);
    round.chain.refuses(&call, MarketError::DeadlineNotPassed);
    let silent = round.chain.reveal_result(&round.leases[1], RIGHT, [1; 32]);
    round.chain.refuses(&silent, MarketError::NothingCommitted);
    round.at(COMMIT_BY);
    round.chain.send(&call).unwrap();
}

#[test]
fn refuses_at_the_deadline_and_not_a_second_before() {
    let mut round = committed();
    round.at(100 + REVEAL_WINDOW - 1);
    round.reveal(0, RIGHT);
    round.at(100 + REVEAL_WINDOW);
    let call = round.chain.reveal_result(&round.leases[1], RIGHT, [1; 32]);
    round.chain.refuses(&call, MarketError::DeadlinePassed);
}

#[test]
fn refuses_whoever_is_not_the_node() {
    let mut round = committed();
    let (lease, other) = (round.leases[0].clone(), round.leases[1].clone());
    let mut call = round.chain.reveal_result(&lease, RIGHT, [0; 32]);
    call.accounts.node_key = other.node.key.pubkey();
    call.signers.push(other.node.key.insecure_clone());
    round.chain.refuses(&call, MarketError::WrongNodeKey);
    call.accounts.node = other.node.address;
    round.chain.refuses(&call, MarketError::WrongNode);
    let call = round.chain.reveal_result(&lease, RIGHT, [0; 32]).without_signature_of(lease.node.key.pubkey());
    round.chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn refuses_a_round_that_the_lease_is_not_in() {
    let mut round = committed();
    let (other, _) = round.unrelated();
    let mut call = round.chain.reveal_result(&round.leases[0], RIGHT, [0; 32]);
    call.accounts.quorum = round.chain.round_of(&other).0;
    round.chain.refuses(&call, MarketError::WrongQuorum);
    let address = round.chain.round_of(&round.job).0;
    let mut quorum = round.chain.quorum(&address);
    quorum.members[0].lease = other.address;
    round.chain.put(address, &quorum);
    let call = round.chain.reveal_result(&round.leases[0], RIGHT, [0; 32]);
    round.chain.refuses(&call, MarketError::NotAMember);
}
