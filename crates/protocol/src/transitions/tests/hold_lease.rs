use super::world::*;
use crate::transitions::hold_lease;
use crate::*;

fn hold(world: &mut World, lease: &mut Lease, now: u64) -> Result<(), Error> {
    world.change(lease, |_, lease| hold_lease(lease, at(now)))
}

#[test]
fn a_hold_moves_the_checkpoint_and_meters_nothing() {
    let mut world = World::new();
    let mut lease = world.running_at(60);
    hold(&mut world, &mut lease, 500).unwrap();
    assert_eq!((lease.checkpoint_by, lease.metered, lease.paid), (at(1_400), Seconds(60), MicroUsdc(60_000)));
}

#[test]
fn a_lease_is_held_until_its_checkpoint_and_not_at_it() {
    let mut world = World::new();
    let mut lease = world.running_at(60);
    assert_eq!(hold(&mut world, &mut lease, 960), Err(Error::DeadlinePassed));
    assert_eq!(hold(&mut world, &mut lease, 959), Ok(()));
}

#[test]
fn only_a_running_lease_is_held() {
    let mut world = World::with(disputable());
    let mut assigned = world.lease_at(START).unwrap();
    assert_eq!(hold(&mut world, &mut assigned, 1), Err(Error::LeaseNotLive));
    let mut reported = world.reported_at(10);
    assert_eq!(hold(&mut world, &mut reported, 11), Err(Error::LeaseNotLive));
}

#[test]
fn at_the_hold_limit_the_attestor_is_gone_and_nobody_is_blamed() {
    let mut world = World::with(JobTerms { lease_seconds: Seconds(86_400), ..terms() });
    world.parameters.bond_hours = 1;
    let offer = crate::transitions::LeaseOffer { price: PRICE, negotiated: false, maximum: Seconds(86_400) };
    let mut lease = world.lease_for(offer, START).unwrap();
    world.settle(&mut lease, &voucher(1, 100), at(100)).unwrap();
    let limit = 100 + 6 * 3_600;
    // Each hold comes a second before the last one's end; the 24th reaches the limit.
    for number in 1..=24 {
        hold(&mut world, &mut lease, 100 + number * 899).unwrap();
    }
    assert_eq!(lease.checkpoint_by, at(limit), "not a second past the limit");
    assert_eq!(hold(&mut world, &mut lease, limit - 1), Err(Error::HoldLimit));
    assert_eq!(world.expire(&mut lease, at(limit - 1)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(limit)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::AttestorGone), MicroUsdc(0)));
    assert_eq!(world.job.paid.plus(world.job.fees), Ok(MicroUsdc(100_000)));
    assert_eq!((world.job.state, world.job.attempts_failed), (JobState::Open, 0));
    assert_eq!(world.provider.reputation.bad, MicroUsdc(0));
}

#[test]
fn a_hold_that_falls_short_of_the_limit_does_not_excuse_silence() {
    let mut world = World::with(JobTerms { lease_seconds: Seconds(86_400), ..terms() });
    let offer = crate::transitions::LeaseOffer { price: PRICE, negotiated: false, maximum: Seconds(86_400) };
    let mut lease = world.lease_for(offer, START).unwrap();
    world.settle(&mut lease, &voucher(1, 60), at(60)).unwrap();
    hold(&mut world, &mut lease, 500).unwrap();
    assert_eq!(world.expire(&mut lease, at(1_399)), Err(Error::DeadlineNotPassed));
    assert_eq!(world.expire(&mut lease, at(1_400)).unwrap().ended, Some(LeaseOutcome::Lost));
}

#[test]
fn a_voucher_after_a_hold_starts_the_limit_anew() {
    let mut world = World::new();
    let mut lease = world.running_at(60);
    hold(&mut world, &mut lease, 900).unwrap();
    world.settle(&mut lease, &voucher(2, 950), at(1_000)).unwrap();
    assert_eq!((lease.checkpoint_by, lease.hold_ends()), (at(1_900), Ok(at(1_000 + 6 * 3_600))));
}
