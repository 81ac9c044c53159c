use super::world::*;
use crate::transitions::{close_job, expire_job};
use crate::voucher::ExitClass;
use crate::*;

#[test]
fn what_a_final_voucher_says_decides_how_the_job_goes_on() {
    for (class, expected) in [
        (ExitClass::Completed, JobState::Done),
        (ExitClass::Failed, JobState::Done),
        (ExitClass::Released, JobState::Open),
        (ExitClass::NodeFault, JobState::Open),
    ] {
        let mut world = World::new();
        let mut lease = world.lease_at(START).unwrap();
        world.settle(&mut lease, &last(1, 50, class), at(50)).unwrap();
        assert_eq!(world.job.state, expected, "{class:?}");
        if expected == JobState::Open {
            assert_eq!(world.job.start_deadline, at(650), "a fresh window from the end of the lease");
            assert_eq!(expire_job(&mut world.job, at(650)), Ok(()));
        }
    }
}

#[test]
fn attempts_run_out() {
    let mut world = World::new();
    for expected in [JobState::Open, JobState::Done] {
        let mut lease = world.lease_at(START).unwrap();
        world.settle(&mut lease, &last(1, 1, ExitClass::NodeFault), at(1)).unwrap();
        assert_eq!(world.job.state, expected);
    }
    assert_eq!(world.lease_at(at(2)), Err(Error::JobNotOpen));
}

#[test]
fn only_failures_cost_an_attempt() {
    for outcome in LeaseOutcome::ALL {
        let costs = outcome.counts_as_failed_attempt();
        let expected = !matches!(
            outcome,
            LeaseOutcome::Completed
                | LeaseOutcome::Failed
                | LeaseOutcome::Released
                | LeaseOutcome::Preempted
                | LeaseOutcome::AttestorGone
        );
        assert_eq!(costs, expected, "{outcome:?}");
        let mut world = World::new();
        world.lease_at(START).unwrap();
        world.job.reserved = MicroUsdc(0);
        world.job.settle_lease(outcome, true, at(1)).unwrap();
        assert_eq!(world.job.attempts_failed, u16::from(costs), "{outcome:?}");
    }
}

#[test]
fn a_job_without_money_left_does_not_reopen() {
    let mut world = World::with(JobTerms { deposit: MicroUsdc(1_000_000), ..terms() });
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &last(1, 1_000, ExitClass::Released), at(1_000)).unwrap();
    assert_eq!(world.job.state, JobState::Done);
    assert_eq!(close_job(&world.job), Ok(MicroUsdc(0)));
}

#[test]
fn outcomes_read_back_from_their_numbers() {
    for (number, outcome) in LeaseOutcome::ALL.into_iter().enumerate() {
        assert_eq!(LeaseOutcome::try_from(number as u8), Ok(outcome));
    }
    assert_eq!(LeaseOutcome::try_from(11), Err(Error::InvariantBroken));
}
