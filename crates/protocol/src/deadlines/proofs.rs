//! One test per row of the table, over the pure rules: the second before the deadline, and the deadline.

use crate::quorum::{MemberState, Quorum, Verdict};
use crate::transitions::tests::world::*;
use crate::transitions::{
    LeaseOffer, accept_lease, cancel_job, close_job, expire_dispute, expire_job, extend_lease, extend_start,
    finalize_lease, hold_lease, notice_preemption, resolve_dispute, settle_member,
};
use crate::voucher::ExitClass;
use crate::*;

const NOTHING: MicroUsdc = MicroUsdc(0);
const ROOT: [u8; 32] = [7; 32];

fn member(number: u8) -> Address {
    Address([number; 32])
}

/// Two of three, whose time to commit ends at 1 000; nobody has committed.
fn round() -> Quorum {
    let mut quorum = Quorum::new(2, 3, Parameters::default().reveal_window);
    for number in 1..=3 {
        quorum.join(member(number), member(number), at(1_000), START).unwrap();
    }
    quorum
}

/// The same, all of whom committed at 100.
fn committed() -> Quorum {
    let mut quorum = round();
    for number in 1..=3 {
        quorum.commit(member(number), ROOT, at(100)).unwrap();
    }
    quorum
}

#[test]
fn an_open_job_expires() {
    let mut world = World::new();
    assert!(world.clone().lease_at(at(599)).is_ok());
    assert_eq!(expire_job(&mut world.job, at(599)), Err(Error::DeadlineNotPassed));
    assert_eq!(world.clone().lease_at(at(600)), Err(Error::StartDeadlinePassed));
    assert_eq!(expire_job(&mut world.job, at(600)), Ok(()));
    assert_eq!((world.job.state, close_job(&world.job)), (JobState::Expired, Ok(terms().deposit)));
}

#[test]
fn an_active_job_ends_with_its_leases() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(world.expire(&mut lease, at(299)), Err(Error::DeadlineNotPassed));
    assert_eq!(
        (expire_job(&mut world.job, at(299)), close_job(&world.job)),
        (Err(Error::JobNotOpen), Err(Error::JobNotOver))
    );
    world.expire(&mut lease, at(300)).unwrap();
    assert_eq!((world.job.state, world.job.start_deadline), (JobState::Open, at(900)));
}

#[test]
fn a_cancelled_job_is_freed_of_a_silent_lease() {
    let mut world = World::new();
    let mut lease = world.running_at(100);
    cancel_job(&mut world.job, at(200)).unwrap();
    assert_eq!(world.expire(&mut lease, at(799)), Err(Error::DeadlineNotPassed));
    let mut settled = world.clone();
    assert!(settled.settle(&mut lease.clone(), &last(2, 200, ExitClass::Released), at(799)).is_ok());
    let end = world.expire(&mut lease, at(800)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::TimedOut), NOTHING));
    assert_eq!((world.job.state, close_job(&world.job)), (JobState::Done, Ok(MicroUsdc(2_000_000_000 - 100_000))));
}

#[test]
fn a_done_job_is_closed_at_once() {
    let mut world = World::new();
    world.reported_at(100);
    assert_eq!((world.job.state, close_job(&world.job)), (JobState::Done, Ok(MicroUsdc(2_000_000_000 - 100_000))));
}

#[test]
fn an_expired_job_is_closed_at_once() {
    let mut world = World::new();
    expire_job(&mut world.job, at(600)).unwrap();
    assert_eq!(close_job(&world.job), Ok(terms().deposit));
}

#[test]
fn an_assigned_lease_is_abandoned() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(world.expire(&mut lease, at(299)), Err(Error::DeadlineNotPassed));
    assert_eq!(extend_start(&mut lease.clone(), at(299)), Ok(()));
    assert_eq!(extend_start(&mut lease.clone(), at(300)), Err(Error::DeadlinePassed));
    let end = world.expire(&mut lease, at(300)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::Abandoned), MicroUsdc(BOND.0 / 10)));
    assert_eq!((end.payment, end.forfeit, world.provider.stake.locked), (NOTHING, NOTHING, NOTHING));
}

#[test]
fn an_extended_start_is_abandoned() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    extend_start(&mut lease, at(299)).unwrap();
    assert_eq!(world.expire(&mut lease, at(599)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(600)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::Abandoned), MicroUsdc(BOND.0 / 10)));
}

#[test]
fn a_late_start_is_credited() {
    for (first, credit) in [(299, 0), (300, 10_000)] {
        let mut world = World::with(JobTerms { service_level: ServiceLevel::Silver, ..terms() });
        let mut lease = world.lease_at(START).unwrap();
        world.settle(&mut lease, &voucher(1, 1), at(first)).unwrap();
        let end = world.settle(&mut lease, &last(2, 100, ExitClass::Completed), at(400)).unwrap();
        assert_eq!(end.compensation, MicroUsdc(credit));
    }
}

#[test]
fn a_lease_sent_away_before_its_start_ends() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    cancel_job(&mut world.job, at(100)).unwrap();
    assert_eq!(world.expire(&mut lease, at(699)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(700)).unwrap();
    assert_eq!((end.ended, end.payment, end.compensation), (Some(LeaseOutcome::TimedOut), NOTHING, NOTHING));

    let mut world = World::with(spot());
    let mut lease = world.lease_at(START).unwrap();
    notice_preemption(&world.job, &mut lease, &world.parameters, at(100)).unwrap();
    assert_eq!(world.expire(&mut lease, at(759)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(760)).unwrap();
    assert_eq!((end.ended, end.payment, end.compensation), (Some(LeaseOutcome::Preempted), NOTHING, NOTHING));
}

#[test]
fn a_silent_lease_is_lost() {
    let mut world = World::new();
    let mut lease = world.running_at(60);
    assert_eq!(world.expire(&mut lease, at(959)), Err(Error::DeadlineNotPassed));
    assert_eq!(hold_lease(&mut lease.clone(), at(959)), Ok(()));
    assert_eq!(hold_lease(&mut lease.clone(), at(960)), Err(Error::DeadlinePassed));
    let end = world.expire(&mut lease, at(960)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::Lost), MicroUsdc(BOND.0 / 4)));
    assert_eq!((lease.paid, world.job.reserved), (MicroUsdc(60_000), NOTHING));
}

#[test]
fn a_held_lease_outlives_its_attestor() {
    let mut world = World::with(JobTerms { lease_seconds: Seconds(86_400), ..terms() });
    let offer = LeaseOffer { price: PRICE, negotiated: false, maximum: Seconds(86_400) };
    let mut lease = world.lease_for(offer, START).unwrap();
    world.settle(&mut lease, &voucher(1, 60), at(60)).unwrap();
    let limit = 60 + 6 * 3_600;
    for number in 1..=24 {
        hold_lease(&mut lease, at(60 + number * 899)).unwrap();
    }
    assert_eq!(hold_lease(&mut lease.clone(), at(limit - 1)), Err(Error::HoldLimit));
    assert_eq!(world.expire(&mut lease, at(limit - 1)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(limit)).unwrap();
    assert_eq!((end.ended, end.compensation, end.forfeit), (Some(LeaseOutcome::AttestorGone), NOTHING, NOTHING));
    assert_eq!((lease.paid, world.job.reserved), (MicroUsdc(60_000), NOTHING));
}

#[test]
fn a_lease_past_its_end_is_settled() {
    let mut world = World::new();
    let mut lease = world.running_at(60);
    world.settle(&mut lease, &voucher(2, 900), at(1_290)).unwrap();
    assert_eq!(world.expire(&mut lease, at(1_899)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(1_900)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::TimedOut), NOTHING));
    assert_eq!(lease.paid, MicroUsdc(900_000));
}

#[test]
fn a_lease_is_extended_until_its_end() {
    let mut world = World::new();
    let offer = LeaseOffer { price: PRICE, negotiated: false, maximum: Seconds(500) };
    let mut lease = world.lease_for(offer, START).unwrap();
    let at_the_end = extend_lease(&mut world.job.clone(), &mut lease.clone(), Seconds(10), at(800));
    assert_eq!(at_the_end, Err(Error::DeadlinePassed));
    extend_lease(&mut world.job, &mut lease, Seconds(10), at(799)).unwrap();
    assert_eq!((world.job.reserved, lease.ends_by), (MicroUsdc(510_000), at(810)));
}

#[test]
fn a_notice_stops_the_meter() {
    for (metered, paid) in [(159, 159_000), (160, 160_000), (161, 160_000)] {
        let mut world = World::with(spot());
        let mut lease = world.running_at(60);
        notice_preemption(&world.job, &mut lease, &world.parameters, at(100)).unwrap();
        world.settle(&mut lease, &voucher(2, metered), at(metered)).unwrap();
        assert_eq!(lease.paid, MicroUsdc(paid), "{metered}");
    }
}

#[test]
fn a_preempted_lease_is_settled() {
    let mut world = World::with(spot());
    let mut lease = world.running_at(60);
    notice_preemption(&world.job, &mut lease, &world.parameters, at(100)).unwrap();
    assert_eq!(world.expire(&mut lease, at(759)), Err(Error::DeadlineNotPassed));
    let end = world.expire(&mut lease, at(760)).unwrap();
    assert_eq!((end.ended, end.compensation), (Some(LeaseOutcome::Preempted), NOTHING));
    assert_eq!((lease.paid, world.job.state), (MicroUsdc(60_000), JobState::Open));
}

#[test]
fn a_report_nobody_objects_to_is_settled() {
    let mut world = World::with(disputable());
    let mut lease = world.reported_at(200);
    assert!(world.clone().dispute(&mut lease.clone(), at(3_799)).is_ok());
    let accepted = accept_lease(&mut world.job.clone(), &mut lease.clone(), &mut world.provider.clone(), at(3_799));
    assert!(accepted.is_ok());
    let early = finalize_lease(&mut world.job, &mut lease, &mut world.provider, at(3_799));
    assert_eq!(early, Err(Error::DeadlineNotPassed));
    assert_eq!(world.clone().dispute(&mut lease.clone(), at(3_800)), Err(Error::DeadlinePassed));
    let end =
        world.act(&mut lease, |world, lease| finalize_lease(&mut world.job, lease, &mut world.provider, at(3_800)));
    assert_eq!(end.map(|end| (end.payment, end.fee)), Ok((MicroUsdc(200_000), MicroUsdc(10_000))));
    assert_eq!((world.job.state, world.provider.stake.locked), (JobState::Done, NOTHING));
}

#[test]
fn a_dispute_nobody_decides_is_settled_as_reported() {
    let mut world = World::with(disputable());
    let mut lease = world.reported_at(200);
    let dispute = world.dispute(&mut lease, at(300)).unwrap();
    let decide_by = 300 + 7 * 86_400;
    let rule = |world: &World, now| {
        let (mut job, mut lease, mut provider) = (world.job, lease, world.provider);
        resolve_dispute(&mut job, &mut lease, &mut provider, &dispute, Ruling::BuyerRight, at(now))
    };
    assert!(rule(&world, decide_by - 1).is_ok());
    assert_eq!(rule(&world, decide_by), Err(Error::DeadlinePassed));
    let early = expire_dispute(&mut world.job, &mut lease, &mut world.provider, &dispute, at(decide_by - 1));
    assert_eq!(early, Err(Error::DeadlineNotPassed));
    let end = world
        .act(&mut lease, |world, lease| {
            expire_dispute(&mut world.job, lease, &mut world.provider, &dispute, at(decide_by))
        })
        .unwrap();
    assert_eq!((end.payment, end.challenger_refund), (MicroUsdc(200_000), dispute.bond));
    assert_eq!((end.compensation, end.forfeit, end.challenger_forfeit), (NOTHING, NOTHING, NOTHING));
}

#[test]
fn a_member_commits_in_time() {
    assert_eq!(round().commit(member(1), ROOT, at(999)), Ok(()));
    assert_eq!(round().commit(member(1), ROOT, at(1_000)), Err(Error::DeadlinePassed));
    let mut world = World::with(counted());
    let mut lease = world.reported_at(100);
    let mut counted = round();
    counted.tally(at(1_000 + 3_600)).unwrap();
    let end = world
        .act(&mut lease, |world, lease| {
            settle_member(&mut world.job, lease, &mut world.provider, &mut counted, member(1), at(4_600))
        })
        .unwrap();
    assert_eq!((end.ended, end.payment, end.forfeit), (Some(LeaseOutcome::WrongResult), NOTHING, BOND));
}

#[test]
fn a_place_is_taken_in_time() {
    let mut quorum = round();
    quorum.leave(member(2), at(10)).unwrap();
    assert_eq!(quorum.clone().join(member(4), member(4), at(2_000), at(999)), Ok(()));
    assert_eq!(quorum.join(member(4), member(4), at(2_000), at(1_000)), Err(Error::QuorumCommitted));
}

#[test]
fn a_commitment_is_revealed_in_time() {
    assert_eq!(committed().reveal(member(1), ROOT, ROOT, at(3_699)), Ok(()));
    assert_eq!(committed().reveal(member(1), ROOT, ROOT, at(3_700)), Err(Error::DeadlinePassed));
    let mut counted = committed();
    counted.reveal(member(1), ROOT, ROOT, at(3_699)).unwrap();
    counted.tally(at(3_700)).unwrap();
    assert_eq!(counted.judge(member(2)), Ok(LeaseOutcome::WrongResult));
    assert_eq!(counted.judge(member(1)), Ok(LeaseOutcome::NoQuorum));
}

#[test]
fn a_round_is_counted_once_all_have_revealed() {
    let mut quorum = committed();
    for number in 1..=3 {
        assert_eq!(quorum.clone().tally(at(200)), Err(Error::DeadlineNotPassed));
        quorum.reveal(member(number), ROOT, ROOT, at(200)).unwrap();
    }
    assert_eq!(quorum.tally(at(200)), Ok(Verdict::Decided));
}

#[test]
fn a_round_is_counted_when_its_time_is_over() {
    assert_eq!(committed().tally(at(3_699)), Err(Error::DeadlineNotPassed));
    assert_eq!(committed().tally(at(3_700)), Ok(Verdict::Failed));
    assert_eq!(round().tally(at(4_599)), Err(Error::DeadlineNotPassed));
    assert_eq!(round().tally(at(4_600)), Ok(Verdict::Failed));
}

/// Member 1 of a round that revealed these, and what settling it moves.
fn settled(roots: [[u8; 32]; 3]) -> (MicroUsdc, MicroUsdc, Option<LeaseOutcome>) {
    let mut world = World::with(counted());
    let mut lease = world.reported_at(100);
    let mut quorum = committed();
    for (number, root) in (1..).zip(roots) {
        quorum.reveal(member(number), root, ROOT, at(200)).unwrap();
    }
    quorum.tally(at(200)).unwrap();
    let end = world.act(&mut lease, |world, lease| {
        settle_member(&mut world.job, lease, &mut world.provider, &mut quorum, member(1), at(200))
    });
    assert_eq!(quorum.members[0].state, MemberState::Settled);
    end.map(|end| (end.payment, end.forfeit, end.ended)).unwrap()
}

#[test]
fn a_decided_round_is_settled_at_once() {
    assert_eq!(settled([ROOT, ROOT, [8; 32]]), (MicroUsdc(100_000), NOTHING, Some(LeaseOutcome::Completed)));
    assert_eq!(settled([[8; 32], ROOT, ROOT]), (NOTHING, BOND, Some(LeaseOutcome::WrongResult)));
}

#[test]
fn a_failed_round_is_settled_at_once() {
    assert_eq!(settled([ROOT, [8; 32], [9; 32]]), (NOTHING, NOTHING, Some(LeaseOutcome::NoQuorum)));
}

#[test]
fn a_round_whose_members_are_through_is_closed() {
    let mut quorum = round();
    for number in 1..=3 {
        assert!(!quorum.is_over());
        quorum.leave(member(number), at(10)).unwrap();
    }
    assert!(quorum.is_over());
}

#[test]
fn a_provider_under_the_floor_is_delisted_at_once() {
    let floor = Parameters::default().delist_floor;
    let mut provider = Provider::default();
    provider.reputation.record(NOTHING, MicroUsdc(3 * PRIOR.0), START).unwrap();
    assert_eq!(provider.delist(floor, START), Err(Error::ReputationAboveFloor));
    provider.reputation.record(NOTHING, MicroUsdc(PRIOR.0 / 100), START).unwrap();
    assert_eq!(provider.delist(floor, START), Ok(()));
}

#[test]
fn a_draining_provider_resumes_at_once() {
    let mut provider = Provider::default();
    provider.drain().unwrap();
    assert_eq!(provider.check_may_lease(BasisPoints(0), START), Err(Error::ProviderNotActive));
    provider.resume(Parameters::default().delist_floor, START).unwrap();
    assert_eq!(provider.check_may_lease(BasisPoints(0), START), Ok(()));
}

#[test]
fn a_delisted_provider_is_listed_again_by_time() {
    let floor = Parameters::default().delist_floor;
    let mut provider = Provider::default();
    provider.reputation.record(NOTHING, MicroUsdc(6 * PRIOR.0), START).unwrap();
    provider.delist(floor, START).unwrap();
    let half_life = UnixSeconds(provider.reputation.updated_at.0 + HALF_LIFE.0);
    assert_eq!(provider.relist(floor, UnixSeconds(half_life.0 - 1)), Err(Error::ReputationTooLow));
    assert_eq!(provider.relist(floor, half_life), Ok(()));
}

#[test]
fn unbonded_stake_leaves() {
    let mut stake = World::new().provider.stake;
    let wait = Parameters::default().unbonding;
    stake.unbond(MicroUsdc(5), wait, START).unwrap();
    assert_eq!(stake.withdraw(at(14 * 86_400 - 1)), Err(Error::DeadlineNotPassed));
    assert_eq!(stake.withdraw(at(14 * 86_400)), Ok(MicroUsdc(5)));
}

#[test]
fn earnings_leave_at_once() {
    let mut earnings = Earnings::default();
    earnings.receive(MicroUsdc(95), MicroUsdc(5)).unwrap();
    assert_eq!((earnings.withdraw(), earnings.sweep()), (Ok(MicroUsdc(95)), Ok(MicroUsdc(5))));
}

#[test]
fn a_change_of_the_payout_owner_counts() {
    let mut payout = Payout::new(member(1));
    payout.change(member(2), Parameters::default().payout_delay, START).unwrap();
    assert_eq!(payout.current(at(2 * 86_400 - 1)), member(1));
    assert_eq!(payout.current(at(2 * 86_400)), member(2));
}

#[test]
fn a_hardware_attestation_expires() {
    let class = HardwareClass::Enclave;
    let mut world = World::with(JobTerms { verification: Verification::AttestedHardware { class }, ..terms() });
    world.node.attestation = HardwareAttestation { class, expires_at: at(100) };
    assert!(world.clone().lease_at(at(99)).is_ok());
    assert_eq!(world.lease_at(at(100)), Err(Error::RequirementsUnmet));
}

#[test]
fn a_prepaid_balance_leaves_at_once() {
    let mut buyer = Buyer::default();
    buyer.deposit(MicroUsdc(7)).unwrap();
    assert_eq!(buyer.withdraw(MicroUsdc(7)), Ok(()));
}

#[test]
fn an_allowance_expires() {
    let allowance =
        Allowance { per_job: MicroUsdc(5), total: MicroUsdc(5), expires_at: at(100), ..Allowance::default() };
    assert_eq!(allowance.clone().draw(MicroUsdc(5), at(99)), Ok(()));
    assert_eq!(allowance.clone().draw(MicroUsdc(5), at(100)), Err(Error::AllowanceExpired));
}
