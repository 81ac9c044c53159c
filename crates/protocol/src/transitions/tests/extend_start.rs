use super::world::*;
use crate::transitions::extend_start;
use crate::*;

fn extend(world: &mut World, lease: &mut Lease, now: u64) -> Result<(), Error> {
    world.change(lease, |_, lease| extend_start(lease, at(now)))
}

#[test]
fn a_start_is_extended_once_and_the_end_moves_with_it() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(lease.latest_end(), Ok(at(1_600)));
    extend(&mut world, &mut lease, 10).unwrap();
    assert_eq!((lease.start_by, lease.ends_by), (at(600), at(1_600)));
    assert_eq!(lease.latest_end(), Ok(at(1_600)));
    assert_eq!(extend(&mut world, &mut lease, 11), Err(Error::ExtendedAlready));
    assert_eq!(world.expire(&mut lease, at(599)), Err(Error::DeadlineNotPassed));
    assert_eq!(world.expire(&mut lease, at(600)).unwrap().ended, Some(LeaseOutcome::Abandoned));
}

#[test]
fn a_start_is_extended_until_its_deadline_and_not_at_it() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(extend(&mut world, &mut lease, 300), Err(Error::DeadlinePassed));
    assert_eq!(extend(&mut world, &mut lease, 299), Ok(()));
}

#[test]
fn a_lease_that_runs_has_its_start_behind_it() {
    let mut world = World::new();
    let mut lease = world.running_at(10);
    assert_eq!(extend(&mut world, &mut lease, 11), Err(Error::LeaseStarted));
    assert_eq!(lease.latest_end(), Ok(at(1_300)));
}

#[test]
fn an_extended_start_is_not_a_late_one() {
    for (first, late) in [(599, false), (600, true)] {
        let mut world = World::new();
        let mut lease = world.lease_at(START).unwrap();
        extend(&mut world, &mut lease, 299).unwrap();
        world.settle(&mut lease, &voucher(1, 1), at(first)).unwrap();
        assert_eq!(lease.started_late, late);
    }
}
