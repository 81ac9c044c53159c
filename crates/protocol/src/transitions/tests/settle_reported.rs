use super::world::*;
use crate::transitions::{Movements, accept_lease, finalize_lease};
use crate::*;

fn accept(world: &mut World, lease: &mut Lease, now: u64) -> Result<Movements, Error> {
    world.act(lease, |world, lease| accept_lease(&mut world.job, lease, &mut world.provider, at(now)))
}

fn finalize(world: &mut World, lease: &mut Lease, now: u64) -> Result<Movements, Error> {
    world.act(lease, |world, lease| finalize_lease(&mut world.job, lease, &mut world.provider, at(now)))
}

#[test]
fn a_report_nobody_objects_to_is_settled_when_its_window_is_over() {
    let mut world = World::with(disputable());
    let mut lease = world.reported_at(200);
    assert_eq!(finalize(&mut world, &mut lease, 3_799), Err(Error::DeadlineNotPassed));
    let end = finalize(&mut world, &mut lease, 3_800).unwrap();
    assert_eq!((end.payment, end.fee, end.settled), (MicroUsdc(200_000), MicroUsdc(10_000), true));
    assert_eq!(end.ended, Some(LeaseOutcome::Completed));
    assert_eq!((world.job.state, world.job.reported_leases), (JobState::Done, 0));
    assert_eq!(world.provider.stake.locked, MicroUsdc(0));
}

#[test]
fn the_buyer_may_accept_a_report_at_once() {
    let mut world = World::with(disputable());
    let mut lease = world.reported_at(200);
    let end = accept(&mut world, &mut lease, 201).unwrap();
    assert_eq!((end.payment, end.settled), (MicroUsdc(200_000), true));
    assert_eq!(world.job.state, JobState::Done);
}

#[test]
fn what_is_not_reported_is_neither_accepted_nor_finalized() {
    let mut world = World::with(disputable());
    let mut lease = world.running_at(100);
    assert_eq!(accept(&mut world, &mut lease, 101), Err(Error::LeaseNotReported));
    assert_eq!(finalize(&mut world, &mut lease, 101), Err(Error::LeaseNotReported));
    let mut lease = world.reported_at(100);
    world.dispute(&mut lease, at(101)).unwrap();
    assert_eq!(accept(&mut world, &mut lease, 102), Err(Error::LeaseNotReported));
    assert_eq!(finalize(&mut world, &mut lease, 900_000), Err(Error::LeaseNotReported));
}

#[test]
fn a_member_of_a_quorum_is_settled_by_the_count_alone() {
    let mut world = World::with(counted());
    let mut lease = world.reported_at(100);
    assert_eq!(accept(&mut world, &mut lease, 101), Err(Error::NotForQuorum));
    assert_eq!(finalize(&mut world, &mut lease, 900_000), Err(Error::NotForQuorum));
}
