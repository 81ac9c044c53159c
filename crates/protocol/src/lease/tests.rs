use super::*;
use crate::transitions::tests::world::{START, World, at, disputable};

fn assigned() -> Lease {
    World::new().lease_at(START).unwrap()
}

fn running() -> Lease {
    World::new().running_at(100)
}

fn reported() -> Lease {
    World::with(disputable()).reported_at(100)
}

#[test]
fn a_lease_that_contradicts_itself_is_refused() {
    for good in [assigned(), running(), reported(), Lease { state: LeaseState::Disputed, ..reported() }] {
        assert_eq!(good.invariant(), Ok(()));
    }
    for bad in [
        Lease { fees: MicroUsdc(100_001), ..running() },
        Lease { metered: Seconds(1_001), ..running() },
        Lease { units: GpuUnits(0), reserved: MicroUsdc(0), ..assigned() },
        Lease { sequence: 1, ..assigned() },
        Lease { sequence: 0, ..running() },
        Lease { attested_at: at(1), ..assigned() },
        Lease { attested_at: UnixSeconds::ZERO, ..running() },
        Lease { paid: MicroUsdc(1), reserved: MicroUsdc(999_999), ..assigned() },
        Lease { disputable_until: at(1), ..running() },
        Lease { disputable_until: UnixSeconds::ZERO, ..reported() },
        Lease { reserved: MicroUsdc(1_000_001), ..assigned() },
    ] {
        assert_eq!(bad.invariant(), Err(Error::InvariantBroken), "{bad:?}");
    }
    assert_eq!(Lease { fees: MicroUsdc(100_000), ..running() }.invariant(), Ok(()));
    assert_eq!(Lease { metered: Seconds(1_000), ..running() }.invariant(), Ok(()));
}

#[test]
fn only_assigned_and_running_leases_are_live() {
    use LeaseState::{Assigned, Disputed, Reported, Running};
    for (number, (state, live)) in
        [(Assigned, true), (Running, true), (Reported, false), (Disputed, false)].into_iter().enumerate()
    {
        assert_eq!(state.is_live(), live, "{state:?}");
        assert_eq!(LeaseState::try_from(number as u8), Ok(state));
    }
    assert_eq!(LeaseState::try_from(4), Err(Error::InvariantBroken));
}

#[test]
fn who_was_sent_away_was_so_by_the_jobs_side() {
    let job = World::new().job;
    assert!(!assigned().was_sent_away(&job));
    assert!(assigned().was_sent_away(&Job { cancelled_at: at(1), ..job }));
    assert!(Lease { preempted_at: at(1), ..assigned() }.was_sent_away(&job));
}

#[test]
fn the_worst_case_is_the_price_of_every_second() {
    assert_eq!(assigned().worst_case(), Ok(MicroUsdc(1_000_000)));
    assert_eq!(Lease { units: GpuUnits(3), ..assigned() }.worst_case(), Ok(MicroUsdc(3_000_000)));
}

#[test]
fn an_outcome_pays_without_a_report_by_its_kind() {
    let plain = World::new().job;
    let mut lease = running();
    lease.paid = MicroUsdc(0);
    for outcome in LeaseOutcome::ALL {
        let nothing = matches!(outcome, LeaseOutcome::WrongResult | LeaseOutcome::NoQuorum);
        let expected = if nothing { 0 } else { 100_000 };
        assert_eq!(lease.owed_without_report(outcome, &plain), Ok(MicroUsdc(expected)), "{outcome:?}");
    }
}
