use super::world::*;
use crate::transitions::{close_job, expire_job};
use crate::*;

#[test]
fn an_idle_job_expires_at_its_start_deadline() {
    let mut world = World::new();
    assert_eq!(expire_job(&mut world.job, at(599)), Err(Error::DeadlineNotPassed));
    expire_job(&mut world.job, at(600)).unwrap();
    assert_eq!(world.job.state, JobState::Expired);
    assert_eq!(expire_job(&mut world.job, at(601)), Err(Error::JobNotOpen));
    assert_eq!(close_job(&world.job), Ok(terms().deposit));
}

#[test]
fn only_a_job_that_is_over_is_closed() {
    let mut world = World::new();
    assert_eq!(close_job(&world.job), Err(Error::JobNotOver));
    let _lease = world.lease_at(START).unwrap();
    assert_eq!(close_job(&world.job), Err(Error::JobNotOver));
    assert_eq!(expire_job(&mut world.job, at(10_000)), Err(Error::JobNotOpen));
}
