use super::world::*;
use crate::voucher::{ExitClass, Voucher};
use crate::*;

fn with_level(service_level: ServiceLevel) -> World {
    World::with(JobTerms { service_level, ..terms() })
}

fn down(voucher: Voucher, seconds: u64) -> Voucher {
    Voucher { downtime: Seconds(seconds), ..voucher }
}

#[test]
fn downtime_past_the_level_is_credited_out_of_the_bond() {
    let mut world = with_level(ServiceLevel::Silver);
    let mut lease = world.lease_at(START).unwrap();
    let end = world.settle(&mut lease, &down(last(1, 900, ExitClass::Completed), 100), at(1_000)).unwrap();
    assert_eq!((end.payment, end.compensation), (MicroUsdc(900_000), MicroUsdc(270_000)), "10 % down is 30 % back");
    assert_eq!(world.provider.stake.total, MicroUsdc(1_000_000_000 - 270_000));
    assert_eq!(world.job.compensation, MicroUsdc(270_000));
}

#[test]
fn a_late_start_is_credited_without_a_claim() {
    for (first, credit) in [(299, 0), (300, 50_000)] {
        let mut world = with_level(ServiceLevel::Gold);
        let mut lease = world.lease_at(START).unwrap();
        world.settle(&mut lease, &voucher(1, 1), at(first)).unwrap();
        let end = world.settle(&mut lease, &last(2, 500, ExitClass::Completed), at(900)).unwrap();
        assert_eq!(end.compensation, MicroUsdc(credit), "{first}");
    }
}

#[test]
fn without_a_level_nothing_is_credited() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    let end = world.settle(&mut lease, &down(last(1, 10, ExitClass::Completed), 900), at(1_000)).unwrap();
    assert_eq!(end.compensation, MicroUsdc(0));
}

#[test]
fn penalty_and_credit_add_up_and_stop_at_the_bond() {
    for (bond, taken) in [(2_000_000, 2_000_000 / 4 + 100_000), (100_000, 100_000)] {
        let mut world = with_level(ServiceLevel::Silver);
        world.parameters.bond_hours = 0;
        world.parameters.minimum_bond = [MicroUsdc(bond); gpu::TIERS];
        let mut lease = world.lease_at(START).unwrap();
        world.settle(&mut lease, &down(voucher(1, 100), 100), at(200)).unwrap();
        let end = world.expire(&mut lease, at(1_100)).unwrap();
        assert_eq!(end.ended, Some(LeaseOutcome::Lost));
        assert_eq!((end.compensation, end.forfeit), (MicroUsdc(taken), MicroUsdc(0)));
    }
}

#[test]
fn an_abandoned_lease_loses_its_own_share() {
    let mut world = World::new();
    world.parameters.abandon_penalty = BasisPoints(10_000);
    let mut lease = world.lease_at(START).unwrap();
    world.parameters.abandon_penalty = BasisPoints(0);
    let end = world.expire(&mut lease, at(300)).unwrap();
    assert_eq!(end.compensation, BOND, "as it was when the lease was opened");
}

#[test]
fn only_what_a_provider_answers_for_weighs_against_it() {
    for outcome in LeaseOutcome::ALL {
        let expected = matches!(
            outcome,
            LeaseOutcome::NodeFault | LeaseOutcome::Abandoned | LeaseOutcome::Lost | LeaseOutcome::WrongResult
        );
        assert_eq!(outcome.is_providers_fault(), expected, "{outcome:?}");
        assert_eq!(
            outcome.finishes_job(),
            matches!(outcome, LeaseOutcome::Completed | LeaseOutcome::Failed),
            "{outcome:?}"
        );
    }
}
