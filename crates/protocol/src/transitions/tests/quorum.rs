use super::world::*;
use crate::quorum::{Quorum, Verdict};
use crate::transitions::{Movements, cancel_job, settle_member};
use crate::voucher::ExitClass;
use crate::*;

const RIGHT: [u8; 32] = [7; 32];
const WRONG: [u8; 32] = [8; 32];

fn address(member: usize) -> Address {
    Address([member as u8 + 10; 32])
}

/// Three leases of one round, each of a provider of its own as far as the round knows.
struct Round {
    world: World,
    quorum: Quorum,
    leases: [Lease; 3],
}

impl Round {
    fn new() -> Self {
        let mut world = World::with(counted());
        let mut quorum = Quorum::new(2, 3, world.parameters.reveal_window);
        let leases = [0, 1, 2].map(|member| {
            let lease = world.lease_at(START).unwrap();
            quorum.join(address(member), address(member), lease.latest_end().unwrap(), START).unwrap();
            lease
        });
        Self { world, quorum, leases }
    }

    fn report(&mut self, member: usize) {
        self.world.settle(&mut self.leases[member], &last(1, 100, ExitClass::Completed), at(100)).unwrap();
    }

    /// Every member reports at 100, commits, and reveals its root.
    fn counted(roots: [[u8; 32]; 3]) -> Self {
        let mut round = Self::new();
        for (member, root) in roots.into_iter().enumerate() {
            round.report(member);
            round.quorum.commit(address(member), root, at(100)).unwrap();
        }
        for (member, root) in roots.into_iter().enumerate() {
            round.quorum.reveal(address(member), root, root, at(101)).unwrap();
        }
        round.quorum.tally(at(102)).unwrap();
        round
    }

    fn settle(&mut self, member: usize, now: u64) -> Result<Movements, Error> {
        let mut quorum = self.quorum;
        let settled = self.world.act(&mut self.leases[member], |world, lease| {
            settle_member(&mut world.job, lease, &mut world.provider, &mut quorum, address(member), at(now))
        });
        if settled.is_err() {
            assert_eq!(quorum, self.quorum, "a refusal changed something");
        }
        self.quorum = quorum;
        settled
    }
}

#[test]
fn winners_are_paid_and_the_outvoted_lose_their_bond_to_the_network() {
    let mut round = Round::counted([RIGHT, WRONG, RIGHT]);
    for winner in [0, 2] {
        let end = round.settle(winner, 103).unwrap();
        assert_eq!((end.payment, end.forfeit, end.settled), (MicroUsdc(100_000), MicroUsdc(0), true));
        assert_eq!(end.ended, Some(LeaseOutcome::Completed));
    }
    assert!(!round.quorum.is_over());
    let end = round.settle(1, 103).unwrap();
    assert_eq!((end.payment, end.compensation, end.forfeit), (MicroUsdc(0), MicroUsdc(0), BOND));
    assert_eq!(end.ended, Some(LeaseOutcome::WrongResult));
    assert!(round.quorum.is_over());
    assert_eq!((round.world.job.state, round.world.job.attempts_failed), (JobState::Done, 0));
}

#[test]
fn the_order_of_settlement_changes_nothing() {
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
        let mut round = Round::counted([RIGHT, WRONG, RIGHT]);
        for member in order {
            round.settle(member, 103).unwrap();
        }
        assert_eq!(round.world.job.state, JobState::Done, "{order:?}");
    }
}

#[test]
fn without_a_majority_nobody_is_paid_nobody_is_slashed_and_one_attempt_is_gone() {
    let mut round = Round::counted([RIGHT, WRONG, [9; 32]]);
    assert_eq!(round.quorum.verdict, Verdict::Failed);
    round.world.job.terms.retries = 1;
    for member in 0..3 {
        let end = round.settle(member, 103).unwrap();
        assert_eq!((end.payment, end.compensation, end.forfeit), Default::default());
        assert_eq!(end.ended, Some(LeaseOutcome::NoQuorum));
    }
    assert_eq!((round.world.job.state, round.world.job.attempts_failed), (JobState::Open, 1), "a round is one attempt");
    assert_eq!(
        round.world.provider.reputation,
        Reputation { updated_at: round.world.provider.reputation.updated_at, ..Reputation::default() }
    );
}

#[test]
fn the_last_attempt_that_failed_ends_the_job() {
    let mut round = Round::counted([RIGHT, WRONG, [9; 32]]);
    for member in 0..3 {
        round.settle(member, 103).unwrap();
    }
    assert_eq!(round.world.job.state, JobState::Done);
    assert_eq!(round.world.job.vault_balance(), Ok(counted().deposit));
}

#[test]
fn a_commitment_that_was_not_revealed_counts_as_a_wrong_result() {
    let mut round = Round::new();
    for member in 0..3 {
        round.report(member);
        round.quorum.commit(address(member), RIGHT, at(100)).unwrap();
    }
    for member in 0..2 {
        round.quorum.reveal(address(member), RIGHT, RIGHT, at(101)).unwrap();
    }
    assert_eq!(round.settle(2, 3_699), Err(Error::QuorumUndecided));
    assert_eq!(round.quorum.tally(at(3_699)), Err(Error::DeadlineNotPassed));
    assert_eq!(round.quorum.tally(at(3_700)), Ok(Verdict::Decided));
    assert_eq!(round.settle(2, 3_700).unwrap().forfeit, BOND);
    assert_eq!(round.settle(0, 3_700).unwrap().payment, MicroUsdc(100_000));
}

#[test]
fn a_member_is_settled_once_and_only_when_it_has_reported() {
    let mut round = Round::new();
    assert_eq!(round.settle(0, 10), Err(Error::LeaseNotReported));
    round.report(0);
    assert_eq!(round.settle(0, 101), Err(Error::QuorumUndecided));
    let mut counted = Round::counted([RIGHT, RIGHT, RIGHT]);
    counted.quorum.leave(address(1), at(102)).unwrap();
    assert_eq!(counted.settle(1, 103), Err(Error::NotAMember));
}

#[test]
fn a_buyer_that_cancels_pays_who_has_shown_a_result_although_nobody_won() {
    let mut round = Round::new();
    for member in 0..2 {
        round.report(member);
        round.quorum.commit(address(member), [member as u8; 32], at(100)).unwrap();
    }
    cancel_job(&mut round.world.job, at(200)).unwrap();
    let away = round.world.settle(&mut round.leases[2], &last(1, 210, ExitClass::Released), at(210)).unwrap();
    assert_eq!((away.payment, away.forfeit), (MicroUsdc(200_000), MicroUsdc(0)));
    round.quorum.leave(address(2), at(210)).unwrap();
    for member in 0..2 {
        round.quorum.reveal(address(member), [member as u8; 32], [member as u8; 32], at(220)).unwrap();
    }
    assert_eq!(round.quorum.tally(at(221)), Ok(Verdict::Failed));
    for member in 0..2 {
        let end = round.settle(member, 222).unwrap();
        assert_eq!((end.payment, end.forfeit), (MicroUsdc(100_000), MicroUsdc(0)));
    }
    assert_eq!(round.world.job.state, JobState::Done);
}
