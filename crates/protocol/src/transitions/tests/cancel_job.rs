use super::world::*;
use crate::transitions::{cancel_job, close_job};
use crate::*;

#[test]
fn cancelling_an_idle_job_ends_it_at_once() {
    let mut world = World::new();
    cancel_job(&mut world.job, at(5)).unwrap();
    assert_eq!((world.job.state, world.job.cancelled_at), (JobState::Done, at(5)));
    assert_eq!(close_job(&world.job), Ok(terms().deposit));
}

#[test]
fn cancelling_an_active_job_waits_for_its_leases() {
    let mut world = World::new();
    world.lease_at(START).unwrap();
    cancel_job(&mut world.job, at(5)).unwrap();
    assert_eq!(world.job.state, JobState::Cancelling);
    assert_eq!(close_job(&world.job), Err(Error::JobNotOver));
    assert_eq!(world.job.invariant(), Ok(()));
}

#[test]
fn only_a_job_that_is_open_or_active_can_be_cancelled() {
    for state in [JobState::Cancelling, JobState::Done, JobState::Expired] {
        let mut world = World::new();
        world.job.state = state;
        let before = world.job;
        assert_eq!(cancel_job(&mut world.job, at(6)), Err(Error::JobNotCancellable), "{state:?}");
        assert_eq!(world.job, before);
    }
}
