use super::world::*;
use crate::transitions::{JobExtension, LeaseOffer, cancel_job, extend_job, extend_lease};
use crate::voucher::ExitClass;
use crate::*;

fn extend(world: &mut World, lease: &mut Lease, more: u64, now: u64) -> Result<(), Error> {
    world.change(lease, |job, lease| extend_lease(job, lease, Seconds(more), at(now)))
}

/// A lease over 500 of the 1 000 seconds that its job allows.
fn short(world: &mut World) -> Lease {
    world.lease_for(LeaseOffer { price: PRICE, negotiated: false, maximum: Seconds(500) }, START).unwrap()
}

#[test]
fn more_time_is_reserved_at_the_leases_price_and_can_be_paid() {
    let mut world = World::new();
    let mut lease = short(&mut world);
    extend(&mut world, &mut lease, 500, 799).unwrap();
    assert_eq!((lease.maximum, lease.ends_by), (Seconds(1_000), at(1_300)));
    assert_eq!((lease.reserved, world.job.reserved), (MicroUsdc(1_000_000), MicroUsdc(1_000_000)));
    world.settle(&mut lease, &last(1, 1_000, ExitClass::Completed), at(1_000)).unwrap();
    assert_eq!(lease.paid, MicroUsdc(1_000_000));
}

#[test]
fn a_lease_is_extended_until_its_end_and_not_at_it() {
    let mut world = World::new();
    let mut lease = short(&mut world);
    assert_eq!(extend(&mut world, &mut lease, 1, 800), Err(Error::DeadlinePassed));
    assert_eq!(extend(&mut world, &mut lease, 1, 799), Ok(()));
}

#[test]
fn a_lease_under_notice_is_not_extended() {
    let mut world = World::with(spot());
    let mut lease = short(&mut world);
    lease.preempted_at = at(700);
    assert_eq!(extend(&mut world, &mut lease, 1, 1), Err(Error::DeadlinePassed));
}

#[test]
fn an_extension_stays_within_what_the_job_allows() {
    let mut world = World::new();
    let mut lease = short(&mut world);
    assert_eq!(extend(&mut world, &mut lease, 0, 1), Err(Error::LeaseLengthInvalid));
    assert_eq!(extend(&mut world, &mut lease, 501, 1), Err(Error::LeaseLengthInvalid));
    assert_eq!(extend(&mut world, &mut lease, u64::MAX, 1), Err(Error::Overflow));
    let longer = JobExtension { lease_seconds: Seconds(1), ..JobExtension::default() };
    extend_job(&mut world.job, longer, at(1)).unwrap();
    assert_eq!(extend(&mut world, &mut lease, 501, 1), Ok(()));
}

#[test]
fn an_extension_stays_within_the_deposit() {
    let mut world = World::with(JobTerms { deposit: MicroUsdc(1_000_000), ..terms() });
    let mut lease = short(&mut world);
    let _other = short(&mut world);
    assert_eq!(extend(&mut world, &mut lease, 1, 1), Err(Error::DepositExhausted));
    let mut world = World::with(JobTerms { deposit: MicroUsdc(1_001_000), ..terms() });
    let mut lease = short(&mut world);
    let _other = short(&mut world);
    assert_eq!(extend(&mut world, &mut lease, 2, 1), Err(Error::DepositExhausted));
    assert_eq!(extend(&mut world, &mut lease, 1, 1), Ok(()), "to the last micro-USDC");
}

#[test]
fn only_a_live_lease_of_an_active_job_is_extended() {
    let mut world = World::with(disputable());
    let mut reported = world.reported_at(10);
    assert_eq!(extend(&mut world, &mut reported, 1, 11), Err(Error::LeaseNotLive));
    let mut lease = short(&mut world);
    cancel_job(&mut world.job, at(12)).unwrap();
    assert_eq!(extend(&mut world, &mut lease, 1, 13), Err(Error::JobNotOpen));
}

#[test]
fn the_members_of_a_quorum_keep_their_common_time() {
    let mut world = World::with(counted());
    let mut lease = short(&mut world);
    assert_eq!(extend(&mut world, &mut lease, 1, 1), Err(Error::NotForQuorum));
}
