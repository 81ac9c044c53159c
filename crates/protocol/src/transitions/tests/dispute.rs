use super::world::*;
use crate::transitions::{Movements, expire_dispute, resolve_dispute};
use crate::*;

const DECIDE_BY: u64 = 1_000 + 7 * 86_400;

fn resolve(
    world: &mut World,
    lease: &mut Lease,
    dispute: &Dispute,
    ruling: Ruling,
    now: u64,
) -> Result<Movements, Error> {
    world.act(lease, |world, lease| {
        resolve_dispute(&mut world.job, lease, &mut world.provider, dispute, ruling, at(now))
    })
}

fn expire(world: &mut World, lease: &mut Lease, dispute: &Dispute, now: u64) -> Result<Movements, Error> {
    world.act(lease, |world, lease| expire_dispute(&mut world.job, lease, &mut world.provider, dispute, at(now)))
}

/// A lease of 200 seconds, reported and disputed at 1 000.
fn disputed(terms: JobTerms) -> (World, Lease, Dispute) {
    let mut world = World::with(terms);
    let mut lease = world.reported_at(200);
    let dispute = world.dispute(&mut lease, at(1_000)).unwrap();
    (world, lease, dispute)
}

#[test]
fn a_dispute_takes_a_bond_and_stops_the_settlement() {
    let (world, lease, dispute) = disputed(disputable());
    assert_eq!(lease.state, LeaseState::Disputed);
    assert_eq!(dispute, Dispute { bond: MicroUsdc(1_000_000), opened_at: at(1_000), decide_by: at(DECIDE_BY) });
    assert_eq!(world.job.dispute_bonds, MicroUsdc(1_000_000));
    assert_eq!(world.provider.stake.locked, BOND);
}

#[test]
fn the_challengers_bond_is_a_share_of_the_cost_over_its_minimum() {
    let mut world = World::with(disputable());
    world.parameters.minimum_dispute_bond = MicroUsdc(19_999);
    let mut lease = world.reported_at(200);
    assert_eq!(world.dispute(&mut lease, at(1_000)).unwrap().bond, MicroUsdc(20_000));
}

#[test]
fn a_report_is_disputed_until_its_window_is_over_and_not_at_its_end() {
    let mut world = World::with(disputable());
    let mut lease = world.reported_at(200);
    assert_eq!(world.dispute(&mut lease, at(3_800)), Err(Error::DeadlinePassed));
    assert!(world.dispute(&mut lease, at(3_799)).is_ok());
    assert_eq!(world.dispute(&mut lease, at(3_799)), Err(Error::LeaseNotReported), "once");
}

#[test]
fn only_a_report_that_is_not_counted_is_disputed() {
    let mut world = World::with(disputable());
    let mut lease = world.running_at(100);
    assert_eq!(world.dispute(&mut lease, at(101)), Err(Error::LeaseNotReported));
    let mut counted = World::with(counted());
    let mut lease = counted.reported_at(100);
    assert_eq!(counted.dispute(&mut lease, at(100)), Err(Error::NotForQuorum));
}

#[test]
fn where_the_provider_is_right_it_is_paid_and_gets_the_challengers_bond() {
    let (mut world, mut lease, dispute) = disputed(disputable());
    let end = resolve(&mut world, &mut lease, &dispute, Ruling::ProviderRight, 2_000).unwrap();
    assert_eq!((end.payment, end.challenger_forfeit), (MicroUsdc(200_000), MicroUsdc(1_000_000)));
    assert_eq!((end.challenger_refund, end.compensation, end.forfeit), Default::default());
    assert_eq!((end.ended, end.settled), (Some(LeaseOutcome::Completed), true));
    assert_eq!(world.provider.earnings.owner, MicroUsdc(190_000 + 1_000_000));
    assert_eq!(world.provider.stake.locked, MicroUsdc(0));
    assert_eq!(world.job.state, JobState::Done);
}

#[test]
fn where_the_buyer_is_right_nothing_is_paid_and_the_whole_bond_is_lost() {
    let (mut world, mut lease, dispute) = disputed(disputable());
    let end = resolve(&mut world, &mut lease, &dispute, Ruling::BuyerRight, 2_000).unwrap();
    assert_eq!((end.payment, end.challenger_refund), (MicroUsdc(0), MicroUsdc(1_000_000)));
    assert_eq!((end.compensation, end.forfeit), (MicroUsdc(0), BOND), "nothing was paid that could come back");
    assert_eq!(end.ended, Some(LeaseOutcome::WrongResult));
    assert_eq!((world.job.state, world.job.attempts_failed), (JobState::Open, 1));
    assert_eq!(world.provider.reputation.bad, MicroUsdc(50_000));
    assert_eq!(world.provider.earnings.fees, BOND);
}

#[test]
fn where_the_buyer_is_right_the_bond_gives_back_what_streaming_has_paid() {
    let (mut world, mut lease, dispute) = disputed(JobTerms { payment: Payment::Streaming, ..disputable() });
    let end = resolve(&mut world, &mut lease, &dispute, Ruling::BuyerRight, 2_000).unwrap();
    assert_eq!((end.compensation, end.forfeit), (MicroUsdc(200_000), MicroUsdc(BOND.0 - 200_000)));
    assert_eq!(end.payment, MicroUsdc(0));

    let mut world = World::with(JobTerms { payment: Payment::Streaming, ..disputable() });
    world.parameters.bond_hours = 0;
    world.parameters.minimum_bond = [MicroUsdc(150_000); 4];
    let mut lease = world.reported_at(200);
    let dispute = world.dispute(&mut lease, at(1_000)).unwrap();
    let end = resolve(&mut world, &mut lease, &dispute, Ruling::BuyerRight, 2_000).unwrap();
    assert_eq!((end.compensation, end.forfeit), (MicroUsdc(150_000), MicroUsdc(0)), "as far as the bond goes");
}

#[test]
fn a_split_pays_half_of_what_is_open_and_returns_both_bonds() {
    let (mut world, mut lease, dispute) = disputed(disputable());
    let end = resolve(&mut world, &mut lease, &dispute, Ruling::Split, 2_000).unwrap();
    assert_eq!((end.payment, end.challenger_refund), (MicroUsdc(100_000), MicroUsdc(1_000_000)));
    assert_eq!((end.compensation, end.forfeit, end.challenger_forfeit), Default::default());
    assert_eq!((world.job.reserved, world.provider.stake.locked), Default::default());
    assert_eq!(world.job.state, JobState::Done);
}

#[test]
fn the_arbiter_rules_until_the_decide_by_time_and_from_then_on_anyone_settles_as_reported() {
    let (mut world, mut lease, dispute) = disputed(disputable());
    assert_eq!(resolve(&mut world, &mut lease, &dispute, Ruling::BuyerRight, DECIDE_BY), Err(Error::DeadlinePassed));
    assert_eq!(expire(&mut world, &mut lease, &dispute, DECIDE_BY - 1), Err(Error::DeadlineNotPassed));
    let (mut ruled, mut same) = (world.clone(), lease);
    assert!(resolve(&mut ruled, &mut same, &dispute, Ruling::BuyerRight, DECIDE_BY - 1).is_ok());
    let end = expire(&mut world, &mut lease, &dispute, DECIDE_BY).unwrap();
    assert_eq!((end.payment, end.challenger_refund), (MicroUsdc(200_000), MicroUsdc(1_000_000)));
    assert_eq!((end.compensation, end.forfeit, end.challenger_forfeit), Default::default());
    assert_eq!((end.ended, world.job.state), (Some(LeaseOutcome::Completed), JobState::Done));
}

#[test]
fn what_is_not_disputed_is_not_ruled_on() {
    let (mut world, _, dispute) = disputed(disputable());
    let mut reported = world.reported_at(200);
    assert_eq!(resolve(&mut world, &mut reported, &dispute, Ruling::Split, 2_000), Err(Error::LeaseNotDisputed));
    assert_eq!(expire(&mut world, &mut reported, &dispute, DECIDE_BY), Err(Error::LeaseNotDisputed));
}

#[test]
fn bonds_of_two_disputes_of_a_job_are_kept_apart() {
    let mut world = World::with(disputable());
    let (mut one, mut other) = (world.reported_at(200), world.reported_at(300));
    let first = world.dispute(&mut one, at(400)).unwrap();
    world.parameters.minimum_dispute_bond = MicroUsdc(5_000_000);
    let second = world.dispute(&mut other, at(400)).unwrap();
    assert_eq!(world.job.dispute_bonds, MicroUsdc(6_000_000));
    resolve(&mut world, &mut one, &first, Ruling::BuyerRight, 500).unwrap();
    assert_eq!(world.job.dispute_bonds, MicroUsdc(5_000_000));
    expire(&mut world, &mut other, &second, 400 + 7 * 86_400).unwrap();
    assert_eq!(world.job.dispute_bonds, MicroUsdc(0));
}

#[test]
fn rulings_read_back_from_their_numbers() {
    for (number, ruling) in [Ruling::ProviderRight, Ruling::BuyerRight, Ruling::Split].into_iter().enumerate() {
        assert_eq!(Ruling::try_from(number as u8), Ok(ruling));
    }
    assert_eq!(Ruling::try_from(3), Err(Error::RulingUnknown));
}
