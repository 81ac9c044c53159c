use super::world::*;
use crate::transitions::{cancel_job, finalize_lease, resolve_dispute};
use crate::voucher::ExitClass;
use crate::*;

fn finalize(world: &mut World, lease: &mut Lease, now: UnixSeconds) {
    world.act(lease, |world, lease| finalize_lease(&mut world.job, lease, &mut world.provider, now)).unwrap();
}

fn buyer_wins(world: &mut World, lease: &mut Lease, dispute: &Dispute, now: UnixSeconds) {
    let ruling = Ruling::BuyerRight;
    world
        .act(lease, |world, lease| resolve_dispute(&mut world.job, lease, &mut world.provider, dispute, ruling, now))
        .unwrap();
}

#[test]
fn a_job_stays_active_while_another_lease_lives() {
    let mut world = World::new();
    let mut first = world.lease_at(START).unwrap();
    let mut second = world.lease_at(START).unwrap();
    world.settle(&mut first, &last(1, 5, ExitClass::Completed), at(5)).unwrap();
    assert_eq!(world.job.state, JobState::Active);
    world.settle(&mut second, &last(1, 6, ExitClass::Completed), at(6)).unwrap();
    assert_eq!(world.job.state, JobState::Done);
}

#[test]
fn the_lease_that_ends_last_says_whether_the_job_is_complete() {
    for (first, second, expected) in [
        (ExitClass::Completed, ExitClass::Released, JobState::Open),
        (ExitClass::Released, ExitClass::Completed, JobState::Done),
    ] {
        let mut world = World::new();
        let (mut one, mut other) = (world.lease_at(START).unwrap(), world.lease_at(START).unwrap());
        world.settle(&mut one, &last(1, 5, first), at(5)).unwrap();
        world.settle(&mut other, &last(1, 6, second), at(6)).unwrap();
        assert_eq!(world.job.state, expected, "{first:?}, then {second:?}");
    }
}

#[test]
fn the_lease_reported_last_counts_in_whatever_order_they_are_settled() {
    for settle_first in [0, 1] {
        let mut world = World::with(disputable());
        let mut leases = [world.lease_at(START).unwrap(), world.lease_at(START).unwrap()];
        world.settle(&mut leases[0], &last(1, 5, ExitClass::Released), at(5)).unwrap();
        world.settle(&mut leases[1], &last(1, 6, ExitClass::Completed), at(6)).unwrap();
        finalize(&mut world, &mut leases[settle_first], at(3_700));
        assert_eq!(world.job.state, JobState::Active);
        finalize(&mut world, &mut leases[1 - settle_first], at(3_700));
        assert_eq!(world.job.state, JobState::Done);
    }
}

#[test]
fn a_wrong_result_makes_a_complete_job_incomplete() {
    for dispute_first in [true, false] {
        let mut world = World::with(disputable());
        let mut leases = [world.lease_at(START).unwrap(), world.lease_at(START).unwrap()];
        for lease in &mut leases {
            world.settle(lease, &last(1, 5, ExitClass::Completed), at(5)).unwrap();
        }
        let dispute = world.dispute(&mut leases[0], at(6)).unwrap();
        if dispute_first {
            buyer_wins(&mut world, &mut leases[0], &dispute, at(7));
            finalize(&mut world, &mut leases[1], at(3_700));
        } else {
            finalize(&mut world, &mut leases[1], at(3_700));
            buyer_wins(&mut world, &mut leases[0], &dispute, at(3_701));
        }
        assert_eq!((world.job.state, world.job.attempts_failed), (JobState::Open, 1));
    }
}

#[test]
fn a_cancelled_job_is_done_with_its_last_settlement_and_not_before() {
    let mut world = World::with(disputable());
    let mut reported = world.reported_at(50);
    let mut live = world.lease_at(at(60)).unwrap();
    cancel_job(&mut world.job, at(70)).unwrap();
    finalize(&mut world, &mut reported, at(3_650));
    assert_eq!(world.job.state, JobState::Cancelling);
    world.expire(&mut live, at(3_650)).unwrap();
    assert_eq!(world.job.state, JobState::Done);
}

#[test]
fn what_was_reported_before_a_cancel_is_owed_in_full() {
    let mut world = World::with(disputable());
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &last(1, 105, ExitClass::Completed), at(100)).unwrap();
    cancel_job(&mut world.job, at(100)).unwrap();
    finalize(&mut world, &mut lease, at(3_700));
    assert_eq!(lease.paid, MicroUsdc(105_000), "also what the slack of the clocks had run ahead");
}
