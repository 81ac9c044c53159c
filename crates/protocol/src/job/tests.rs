use super::*;
use crate::transitions::tests::world::{START, World, disputable};

fn open() -> Job {
    World::new().job
}

#[test]
fn a_ledger_that_spends_more_than_came_in_is_refused() {
    let deposit = open().terms.deposit;
    assert_eq!(
        Job { reserved: deposit, live_leases: 1, leases_opened: 1, state: JobState::Active, ..open() }.invariant(),
        Ok(())
    );
    for bad in [
        Job { reserved: deposit.plus(MicroUsdc(1)).unwrap(), ..open() },
        Job { paid: deposit, fees: MicroUsdc(1), ..open() },
        Job { paid: MicroUsdc::MAX, fees: MicroUsdc(1), ..open() },
    ] {
        assert!(bad.invariant().is_err(), "{bad:?}");
    }
}

#[test]
fn what_is_available_is_neither_reserved_nor_gone() {
    let job =
        Job { reserved: MicroUsdc(5), paid: MicroUsdc(3), fees: MicroUsdc(2), compensation: MicroUsdc(100), ..open() };
    assert_eq!(job.available(), Ok(MicroUsdc(job.terms.deposit.0 - 10)), "a penalty is no deposit");
    assert_eq!(Job { reserved: MicroUsdc::MAX, ..open() }.available(), Err(Error::InvariantBroken));
}

#[test]
fn the_vault_holds_what_came_in_and_has_not_gone_out() {
    let job = Job {
        reserved: MicroUsdc(5),
        paid: MicroUsdc(3),
        fees: MicroUsdc(2),
        compensation: MicroUsdc(100),
        dispute_bonds: MicroUsdc(40),
        ..open()
    };
    assert_eq!(job.vault_balance(), Ok(MicroUsdc(job.terms.deposit.0 + 135)));
    assert_eq!(
        Job { paid: job.terms.deposit, fees: MicroUsdc(1), ..open() }.vault_balance(),
        Err(Error::InvariantBroken)
    );
}

#[test]
fn state_and_leases_agree() {
    let with =
        |state, live_leases, reported_leases| Job { state, live_leases, reported_leases, leases_opened: 2, ..open() };
    for state in [JobState::Open, JobState::Done, JobState::Expired] {
        assert_eq!(with(state, 0, 0).invariant(), Ok(()), "{state:?}");
        assert_eq!(with(state, 1, 0).invariant(), Err(Error::InvariantBroken), "{state:?}");
        assert_eq!(with(state, 0, 1).invariant(), Err(Error::InvariantBroken), "{state:?}");
    }
    for state in [JobState::Active, JobState::Cancelling] {
        assert_eq!(with(state, 0, 0).invariant(), Err(Error::InvariantBroken), "{state:?}");
        assert_eq!(with(state, 1, 1).invariant(), Ok(()), "{state:?}");
        assert_eq!(with(state, 2, 1).invariant(), Err(Error::InvariantBroken), "more than were opened");
    }
}

#[test]
fn an_idle_job_holds_nothing_back() {
    assert_eq!(Job { reserved: MicroUsdc(1), ..open() }.invariant(), Err(Error::InvariantBroken));
    assert_eq!(Job { dispute_bonds: MicroUsdc(1), ..open() }.invariant(), Err(Error::InvariantBroken));
}

#[test]
fn leases_that_were_never_counted_are_not_settled() {
    let mut job = open();
    assert_eq!(job.settle_lease(LeaseOutcome::Completed, true, START), Err(Error::InvariantBroken));
    assert_eq!(job.settle_lease(LeaseOutcome::Completed, false, START), Err(Error::InvariantBroken));
    assert_eq!(job.report_lease(LeaseOutcome::Completed), Err(Error::InvariantBroken));
}

#[test]
fn a_job_reports_no_more_leases_than_it_can_count() {
    let mut world = World::with(disputable());
    world.lease_at(START).unwrap();
    world.job.reported_leases = u16::MAX;
    assert_eq!(world.job.report_lease(LeaseOutcome::Completed), Err(Error::Overflow));
}

#[test]
fn states_read_back_from_their_numbers() {
    use JobState::{Active, Cancelling, Done, Expired, Open};
    for (number, state) in [Open, Active, Cancelling, Done, Expired].into_iter().enumerate() {
        assert_eq!(JobState::try_from(number as u8), Ok(state));
    }
    assert_eq!(JobState::try_from(5), Err(Error::InvariantBroken));
}
