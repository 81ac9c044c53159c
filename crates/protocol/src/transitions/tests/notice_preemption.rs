use super::world::*;
use crate::transitions::notice_preemption;
use crate::voucher::ExitClass;
use crate::*;

fn notice(world: &mut World, lease: &mut Lease, now: u64) -> Result<(), Error> {
    let parameters = world.parameters;
    world.change(lease, |job, lease| notice_preemption(job, lease, &parameters, at(now)))
}

#[test]
fn a_spot_lease_is_paid_to_the_second_of_its_notice() {
    let mut world = World::with(spot());
    let mut lease = world.running_at(100);
    notice(&mut world, &mut lease, 110).unwrap();
    assert_eq!(lease.preempted_at, at(170));
    world.settle(&mut lease, &voucher(2, 169), at(169)).unwrap();
    assert_eq!(lease.paid, MicroUsdc(169_000));
    let end = world.settle(&mut lease, &last(3, 190, ExitClass::Released), at(190)).unwrap();
    assert_eq!((end.payment, lease.paid), (MicroUsdc(1_000), MicroUsdc(170_000)));
    assert_eq!((world.job.state, world.job.attempts_failed), (JobState::Open, 0), "the job goes on elsewhere");
}

#[test]
fn a_preempted_lease_whose_attestor_is_silent_ends_without_blame() {
    let mut world = World::with(spot());
    let mut lease = world.running_at(100);
    notice(&mut world, &mut lease, 110).unwrap();
    assert_eq!(world.expire(&mut lease, at(769)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(770)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::Preempted), MicroUsdc(0)));
    assert_eq!(world.job.attempts_failed, 0);
}

#[test]
fn only_a_live_spot_lease_gets_a_notice_and_only_one() {
    let mut on_demand = World::new();
    let mut lease = on_demand.running_at(10);
    assert_eq!(notice(&mut on_demand, &mut lease, 20), Err(Error::NotSpot));

    let mut world = World::with(JobTerms { spot: true, ..disputable() });
    let mut lease = world.lease_at(START).unwrap();
    notice(&mut world, &mut lease, 20).unwrap();
    assert_eq!(notice(&mut world, &mut lease, 30), Err(Error::PreemptedAlready));
    let mut reported = world.reported_at(10);
    assert_eq!(notice(&mut world, &mut reported, 20), Err(Error::LeaseNotLive));
}
