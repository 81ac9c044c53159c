use super::world::*;
use crate::transitions::cancel_job;
use crate::*;

#[test]
fn a_silent_start_is_abandoned_at_its_deadline() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(world.expire(&mut lease, at(299)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(300)).unwrap();
    assert_eq!((end.ended, end.settled), (Some(LeaseOutcome::Abandoned), true));
    assert_eq!((end.payment, end.compensation, end.forfeit), (MicroUsdc(0), MicroUsdc(8_640_000), MicroUsdc(0)));
    assert_eq!(world.provider.stake.total, MicroUsdc(991_360_000));
    assert_eq!(world.job.vault_balance(), Ok(MicroUsdc(2_008_640_000)), "the buyer is made whole");
    assert_eq!((world.job.state, world.job.attempts_failed), (JobState::Open, 1));
    assert_eq!(world.provider.reputation.bad, MicroUsdc(50_000));
    assert_eq!(world.node.leased, GpuUnits(0));
}

#[test]
fn silence_past_the_checkpoint_is_lost_and_paid_to_the_last_voucher() {
    for terms in [terms(), JobTerms { payment: Payment::OnResult, ..terms() }] {
        let mut world = World::with(terms);
        let mut lease = world.lease_at(START).unwrap();
        world.settle(&mut lease, &voucher(1, 50), at(60)).unwrap();
        assert_eq!(world.expire(&mut lease, at(959)), Err(Error::DeadlineNotPassed));
        let end = world.expire(&mut lease, at(960)).unwrap();
        assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::Lost), MicroUsdc(21_600_000)));
        assert_eq!(world.job.paid.plus(world.job.fees), Ok(MicroUsdc(50_000)));
        assert_eq!(world.job.reserved, MicroUsdc(0));
    }
}

#[test]
fn a_lease_past_its_end_is_settled_without_penalty() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &voucher(1, 900), at(1_280)).unwrap();
    // Ends by 300 + 1000, grace 600; the checkpoint would be due at 2180.
    assert_eq!(lease.deadline(&world.job), Ok((at(1_900), LeaseOutcome::TimedOut)));
    assert_eq!(world.expire(&mut lease, at(1_899)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(3_000)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::TimedOut), MicroUsdc(0)));
    assert_eq!((world.provider.reputation.bad, world.job.attempts_failed), (MicroUsdc(0), 1));
}

#[test]
fn a_cancelled_job_is_freed_of_a_silent_lease_after_the_grace() {
    let mut world = World::new();
    let mut lease = world.running_at(30);
    cancel_job(&mut world.job, at(100)).unwrap();
    assert_eq!(world.expire(&mut lease, at(699)), Err(Error::DeadlineNotPassed));
    assert_eq!(world.expire(&mut lease, at(700)).unwrap().ended, Some(LeaseOutcome::TimedOut));
    assert_eq!(world.job.state, JobState::Done);
}

#[test]
fn a_node_sent_away_before_its_start_has_abandoned_nothing() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    cancel_job(&mut world.job, at(299)).unwrap();
    assert_eq!(world.expire(&mut lease, at(898)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(899)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::TimedOut), MicroUsdc(0)));

    let mut world = World::with(spot());
    let mut lease = world.lease_at(START).unwrap();
    lease.preempted_at = at(299);
    assert_eq!(world.expire(&mut lease, at(898)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(899)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::Preempted), MicroUsdc(0)));
}

#[test]
fn what_comes_once_the_start_is_missed_excuses_nothing() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    cancel_job(&mut world.job, at(300)).unwrap();
    assert_eq!(world.expire(&mut lease, at(301)).unwrap().ended, Some(LeaseOutcome::Abandoned));

    let mut world = World::with(spot());
    let mut lease = world.lease_at(START).unwrap();
    lease.preempted_at = at(300);
    assert_eq!(world.expire(&mut lease, at(301)).unwrap().ended, Some(LeaseOutcome::Abandoned));
}

#[test]
fn the_end_of_a_lease_bounds_the_wait_for_one_sent_away() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.job.settle_grace = Seconds(86_400);
    cancel_job(&mut world.job, at(100)).unwrap();
    assert_eq!(lease.deadline(&world.job), Ok((at(1_900), LeaseOutcome::TimedOut)));
    assert!(world.expire(&mut lease, at(1_900)).is_ok());
}

#[test]
fn the_outcome_does_not_depend_on_when_somebody_comes_by() {
    for crank in [960, 1_900, 50_000] {
        let mut world = World::new();
        let mut lease = world.running_at(60);
        cancel_job(&mut world.job, at(950)).unwrap();
        assert_eq!(world.expire(&mut lease, at(crank)).unwrap().ended, Some(LeaseOutcome::Lost), "{crank}");
    }
}

#[test]
fn of_two_deadlines_at_the_same_second_the_nodes_own_counts() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &voucher(1, 900), at(1_000)).unwrap();
    assert_eq!((lease.checkpoint_by, lease.ends_by), (at(1_900), at(1_300)));
    assert_eq!(world.expire(&mut lease, at(1_900)).unwrap().ended, Some(LeaseOutcome::Lost));
}

#[test]
fn a_reported_lease_does_not_expire() {
    let mut world = World::with(disputable());
    let mut lease = world.reported_at(100);
    assert_eq!(world.expire(&mut lease, at(900_000)), Err(Error::LeaseNotLive));
}

#[test]
fn a_member_that_withholds_its_result_is_not_paid() {
    let mut lost = World::with(counted());
    let mut lease = lost.running_at(50);
    let end = lost.expire(&mut lease, at(950)).unwrap();
    assert_eq!((end.ended, end.payment), (Some(LeaseOutcome::Lost), MicroUsdc(0)));

    let mut over = World::with(counted());
    let mut lease = over.running_at(50);
    over.settle(&mut lease, &voucher(2, 900), at(1_280)).unwrap();
    let end = over.expire(&mut lease, at(1_900)).unwrap();
    assert_eq!((end.ended, end.payment), (Some(LeaseOutcome::TimedOut), MicroUsdc(0)));
    assert_eq!(over.job.reserved, MicroUsdc(0));
}

#[test]
fn a_member_that_was_sent_away_is_paid() {
    let mut world = World::with(counted());
    let mut lease = world.running_at(50);
    cancel_job(&mut world.job, at(60)).unwrap();
    let end = world.expire(&mut lease, at(660)).unwrap();
    assert_eq!((end.ended, end.payment), (Some(LeaseOutcome::TimedOut), MicroUsdc(50_000)));
}
