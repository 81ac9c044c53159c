use super::world::*;
use crate::transitions::{Movements, cancel_job, close_job};
use crate::voucher::{ExitClass, Voucher};
use crate::*;

#[test]
fn a_plain_job_pays_for_its_seconds_and_returns_the_rest() {
    let mut world = World::new();
    let mut lease = world.lease_at(at(10)).unwrap();
    let first = world.settle(&mut lease, &voucher(1, 100), at(110)).unwrap();
    assert_eq!(first, Movements { payment: MicroUsdc(100_000), fee: MicroUsdc(5_000), ..Movements::default() });
    assert_eq!((lease.state, lease.attested_at, lease.checkpoint_by), (LeaseState::Running, at(110), at(1_010)));
    let end = world.settle(&mut lease, &last(2, 250, ExitClass::Completed), at(300)).unwrap();
    assert_eq!((end.payment, end.fee), (MicroUsdc(150_000), MicroUsdc(7_500)));
    assert_eq!((end.ended, end.settled), (Some(LeaseOutcome::Completed), true));
    assert_eq!((end.compensation, end.forfeit), (MicroUsdc(0), MicroUsdc(0)));
    assert_eq!((world.job.state, world.job.reserved), (JobState::Done, MicroUsdc(0)));
    assert_eq!((world.provider.stake.locked, world.node.leased), (MicroUsdc(0), GpuUnits(0)));
    let earnings = world.provider.earnings;
    assert_eq!((earnings.owner, earnings.fees), (MicroUsdc(237_500), MicroUsdc(12_500)));
    assert_eq!(world.provider.reputation.good, MicroUsdc(12_500), "weighs the fee it paid");
    assert_eq!(close_job(&world.job), Ok(MicroUsdc(2_000_000_000 - 250_000)));
}

#[test]
fn a_voucher_of_another_lease_or_program_is_refused() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    for foreign in [Voucher { lease: PROGRAM, ..voucher(1, 1) }, Voucher { program: LEASE, ..voucher(1, 1) }] {
        assert_eq!(world.settle(&mut lease, &foreign, at(10)), Err(Error::VoucherForeign));
    }
}

#[test]
fn a_voucher_is_redeemed_once_and_in_order() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(0, 1), at(10)), Err(Error::VoucherStale));
    world.settle(&mut lease, &voucher(5, 10), at(10)).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(5, 10), at(10)), Err(Error::VoucherStale));
    assert_eq!(world.settle(&mut lease, &voucher(4, 20), at(20)), Err(Error::VoucherStale));
    assert_eq!(world.settle(&mut lease, &voucher(6, 9), at(20)), Err(Error::VoucherFallsBack));
    let down = Voucher { downtime: Seconds(3), ..voucher(6, 10) };
    world.settle(&mut lease, &down, at(20)).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(7, 10), at(20)), Err(Error::VoucherFallsBack));
}

#[test]
fn attested_seconds_never_pass_the_clock_or_the_lease() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(1, 106), at(100)), Err(Error::VoucherAheadOfClock));
    let with_downtime = Voucher { downtime: Seconds(6), ..voucher(1, 100) };
    assert_eq!(world.settle(&mut lease, &with_downtime, at(100)), Err(Error::VoucherAheadOfClock));
    world.settle(&mut lease, &voucher(1, 105), at(100)).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(2, 1_001), at(5_000)), Err(Error::VoucherBeyondLease));
    world.settle(&mut lease, &voucher(2, 1_000), at(5_000)).unwrap();
    assert_eq!(lease.reserved, MicroUsdc(0));
    let over = Voucher { metered: Seconds::MAX, downtime: Seconds::MAX, ..voucher(3, 0) };
    assert_eq!(world.settle(&mut lease, &over, at(5_000)), Err(Error::Overflow));
}

#[test]
fn a_reported_lease_takes_no_further_voucher() {
    let mut world = World::with(disputable());
    let mut lease = world.reported_at(100);
    assert_eq!(world.settle(&mut lease, &voucher(2, 120), at(120)), Err(Error::LeaseNotLive));
}

#[test]
fn a_lease_keeps_the_fee_it_was_opened_with() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.parameters.fee = BasisPoints(1_500);
    assert_eq!(world.settle(&mut lease, &voucher(1, 100), at(100)).unwrap().fee, MicroUsdc(5_000));
}

#[test]
fn a_late_voucher_counts_until_somebody_cranks() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert!(world.settle(&mut lease, &voucher(1, 400), at(450)).is_ok(), "past start-by, work done is money owed");
    assert_eq!(lease.state, LeaseState::Running);
}

#[test]
fn a_first_voucher_is_late_from_the_start_deadline_on() {
    for (first, late) in [(299, false), (300, true)] {
        let mut world = World::new();
        let mut lease = world.lease_at(START).unwrap();
        world.settle(&mut lease, &voucher(1, 1), at(first)).unwrap();
        assert_eq!(lease.started_late, late, "{first}");
        world.settle(&mut lease, &voucher(2, 1), at(2_000)).unwrap();
        assert_eq!(lease.started_late, late, "later vouchers change nothing");
    }
}

#[test]
fn on_result_nothing_moves_before_the_end() {
    let mut world = World::with(JobTerms { payment: Payment::OnResult, ..terms() });
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(1, 100), at(100)), Ok(Movements::default()));
    assert_eq!(lease.reserved, MicroUsdc(1_000_000));
    let end = world.settle(&mut lease, &last(2, 200, ExitClass::Completed), at(200)).unwrap();
    assert_eq!((end.payment, end.settled), (MicroUsdc(200_000), true), "no window: the final voucher settles");
}

#[test]
fn a_nodes_fault_settles_at_once_and_is_not_paid_on_result() {
    for (terms, paid) in [(disputable(), 0), (JobTerms { payment: Payment::Streaming, ..disputable() }, 200_000)] {
        let mut world = World::with(terms);
        let mut lease = world.lease_at(START).unwrap();
        let end = world.settle(&mut lease, &last(1, 200, ExitClass::NodeFault), at(200)).unwrap();
        assert_eq!((end.payment, end.settled), (MicroUsdc(paid), true));
        assert_eq!(end.compensation, MicroUsdc(0), "the attestor's word alone takes nothing of the bond");
        assert_eq!(world.provider.reputation.bad, MicroUsdc(50_000), "the fee of its worst case");
        assert_eq!(world.provider.reputation.good, MicroUsdc(0));
    }
}

#[test]
fn with_a_window_a_final_voucher_reports() {
    for (terms, moved, kept) in
        [(disputable(), 0, 200_000), (JobTerms { payment: Payment::Streaming, ..disputable() }, 200_000, 0)]
    {
        let mut world = World::with(terms);
        let mut lease = world.lease_at(START).unwrap();
        let end = world.settle(&mut lease, &last(1, 200, ExitClass::Completed), at(200)).unwrap();
        assert_eq!((end.payment, end.settled), (MicroUsdc(moved), false));
        assert_eq!(end.ended, Some(LeaseOutcome::Completed));
        assert_eq!((lease.state, lease.disputable_until), (LeaseState::Reported, at(3_800)));
        assert_eq!((lease.reserved, world.job.reserved), (MicroUsdc(kept), MicroUsdc(kept)), "the rest is free");
        assert_eq!((world.node.leased, world.provider.stake.locked), (GpuUnits(0), BOND));
        assert_eq!((world.job.live_leases, world.job.reported_leases), (0, 1));
        assert_eq!(world.job.state, JobState::Active);
    }
}

#[test]
fn seconds_up_to_a_cancel_are_owed_and_none_after() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &voucher(1, 30), at(30)).unwrap();
    cancel_job(&mut world.job, at(100)).unwrap();
    world.settle(&mut lease, &last(2, 140, ExitClass::Released), at(140)).unwrap();
    assert_eq!(lease.paid, MicroUsdc(100_000));
    assert_eq!(world.job.state, JobState::Done);
}

#[test]
fn a_payment_before_the_cancel_stands() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &voucher(1, 105), at(100)).unwrap();
    cancel_job(&mut world.job, at(100)).unwrap();
    let end = world.settle(&mut lease, &last(2, 105, ExitClass::Released), at(101)).unwrap();
    assert_eq!((end.payment, lease.paid), (MicroUsdc(0), MicroUsdc(105_000)));
}

#[test]
fn a_member_of_a_quorum_reports_only_results() {
    for (class, reports) in [
        (ExitClass::Completed, true),
        (ExitClass::Failed, true),
        (ExitClass::Released, false),
        (ExitClass::NodeFault, false),
    ] {
        let mut world = World::with(counted());
        let mut lease = world.lease_at(START).unwrap();
        let end = world.settle(&mut lease, &last(1, 100, class), at(100)).unwrap();
        assert_eq!(end.settled, !reports, "{class:?}");
        assert_eq!((end.payment, end.compensation, end.forfeit), Default::default(), "{class:?} moved money");
        if reports {
            assert_eq!(lease.disputable_until, at(100), "counted, not disputed");
        }
    }
}

#[test]
fn a_member_of_a_quorum_that_was_sent_away_is_paid_without_a_result() {
    let mut cancelled = World::with(counted());
    let mut lease = cancelled.lease_at(START).unwrap();
    cancel_job(&mut cancelled.job, at(80)).unwrap();
    let end = cancelled.settle(&mut lease, &last(1, 100, ExitClass::Released), at(100)).unwrap();
    assert_eq!((end.payment, end.settled, end.forfeit), (MicroUsdc(80_000), true, MicroUsdc(0)));

    let mut preempted = World::with(counted());
    let mut lease = preempted.lease_at(START).unwrap();
    lease.preempted_at = at(90);
    let end = preempted.settle(&mut lease, &last(1, 100, ExitClass::Released), at(100)).unwrap();
    assert_eq!((end.payment, end.settled, end.forfeit), (MicroUsdc(90_000), true, MicroUsdc(0)));
}
