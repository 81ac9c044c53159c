use super::world::*;
use crate::transitions::{LeaseOffer, cancel_job};
use crate::voucher::ExitClass;
use crate::*;

fn offer(price: u64, maximum: u64) -> LeaseOffer {
    LeaseOffer { price: PricePerGpuHour(price), negotiated: false, maximum: Seconds(maximum) }
}

#[test]
fn a_lease_reserves_its_worst_case_takes_its_units_and_locks_its_bond() {
    let mut world = World::new();
    let lease = world.lease_at(at(10)).unwrap();
    assert_eq!((world.job.reserved, lease.reserved), (MicroUsdc(1_000_000), MicroUsdc(1_000_000)));
    assert_eq!((world.provider.stake.locked, lease.bond), (BOND, BOND));
    assert_eq!(world.node.leased, GpuUnits(1));
    assert_eq!((world.job.state, world.job.live_leases, world.job.leases_opened), (JobState::Active, 1, 1));
    assert_eq!((lease.start_by, lease.ends_by), (at(310), at(1_310)));
    assert_eq!(
        (lease.fee, lease.abandon_penalty, lease.lost_penalty),
        (BasisPoints(500), BasisPoints(1_000), BasisPoints(2_500))
    );
}

#[test]
fn an_idle_job_takes_a_lease_until_its_start_deadline_and_not_at_it() {
    assert!(World::new().lease_at(at(599)).is_ok());
    assert_eq!(World::new().lease_at(at(600)), Err(Error::StartDeadlinePassed));
    let mut active = World::new();
    active.lease_at(at(599)).unwrap();
    assert!(active.lease_at(at(700)).is_ok(), "the deadline is for jobs without a lease");
}

#[test]
fn a_job_that_is_over_takes_no_lease() {
    for state in [JobState::Cancelling, JobState::Done, JobState::Expired] {
        let mut world = World::new();
        world.job.state = state;
        world.job.live_leases = u16::from(state == JobState::Cancelling);
        world.job.leases_opened = 1;
        assert_eq!(world.lease_at(at(1)), Err(Error::JobNotOpen), "{state:?}");
    }
    let mut world = World::new();
    let _lease = world.lease_at(START).unwrap();
    cancel_job(&mut world.job, at(1)).unwrap();
    assert_eq!(world.lease_at(at(2)), Err(Error::JobNotOpen));
}

#[test]
fn a_lease_needs_what_the_job_asks_for() {
    let good = node();
    for hardware in [
        Hardware { gpu_class: 9, ..good.hardware },
        Hardware { vram_mib: 8_191, ..good.hardware },
        Hardware { region: 5, ..good.hardware },
        Hardware { simulated: true, ..good.hardware },
    ] {
        let mut world = World::new();
        world.node.hardware = hardware;
        assert_eq!(world.lease_at(at(1)), Err(Error::RequirementsUnmet), "{hardware:?}");
    }
    let mut large =
        World::with(JobTerms { requirements: Requirements { units: GpuUnits(4), ..terms().requirements }, ..terms() });
    assert_eq!(large.lease_at(at(1)), Err(Error::RequirementsUnmet));
    let mut exact = World::with(JobTerms {
        requirements: Requirements { units: GpuUnits(3), vram_mib: 24_576, ..terms().requirements },
        ..terms()
    });
    assert!(exact.lease_at(at(1)).is_ok());
}

#[test]
fn masks_of_zero_take_any_node() {
    let mut world = World::with(JobTerms {
        requirements: Requirements { gpu_classes: 0, regions: 0, vram_mib: 0, ..terms().requirements },
        ..terms()
    });
    assert!(world.lease_at(at(1)).is_ok());
}

#[test]
fn simulated_hardware_is_taken_only_where_asked_for() {
    let mut world = World::with(JobTerms {
        requirements: Requirements { accept_simulated: true, ..terms().requirements },
        ..terms()
    });
    world.node.hardware.simulated = true;
    assert!(world.lease_at(at(1)).is_ok());
}

#[test]
fn a_service_level_is_taken_from_nodes_that_offer_at_least_it() {
    for (asked, offered, fits) in [
        (ServiceLevel::Gold, ServiceLevel::Silver, false),
        (ServiceLevel::Silver, ServiceLevel::None, false),
        (ServiceLevel::Silver, ServiceLevel::Silver, true),
        (ServiceLevel::Silver, ServiceLevel::Gold, true),
    ] {
        let mut world = World::with(JobTerms { service_level: asked, ..terms() });
        world.node.service_level = offered;
        let expected = if fits { Ok(()) } else { Err(Error::RequirementsUnmet) };
        assert_eq!(world.lease_at(at(1)).map(drop), expected, "{asked:?} from {offered:?}");
    }
}

#[test]
fn attested_hardware_needs_an_attestation_of_the_class_that_has_not_expired() {
    let class = HardwareClass::Challenged;
    let asking = JobTerms { verification: Verification::AttestedHardware { class }, ..terms() };
    for (shown, now, fits) in [
        (HardwareClass::Challenged, 99, true),
        (HardwareClass::Enclave, 99, true),
        (HardwareClass::Challenged, 100, false),
        (HardwareClass::Claimed, 99, false),
    ] {
        let mut world = World::with(asking);
        world.node.attestation = HardwareAttestation { class: shown, expires_at: at(100) };
        let expected = if fits { Ok(()) } else { Err(Error::RequirementsUnmet) };
        assert_eq!(world.lease_at(at(now)).map(drop), expected, "{shown:?} at {now}");
    }
}

#[test]
fn a_lease_has_the_nodes_price_within_the_jobs_maximum() {
    for (posted, offered) in [(PRICE.0, PRICE.0 - 1), (PRICE.0 - 1, PRICE.0), (PRICE.0 + 1, PRICE.0 + 1)] {
        let mut world = World::new();
        world.node.price = PricePerGpuHour(posted);
        assert_eq!(
            world.lease_for(offer(offered, 10), at(1)),
            Err(Error::PriceNotAgreed),
            "posted {posted}, offered {offered}"
        );
    }
}

#[test]
fn a_negotiated_price_is_any_within_the_jobs_maximum() {
    for (price, agreed) in [(0, true), (PRICE.0 - 1, true), (PRICE.0, true), (PRICE.0 + 1, false)] {
        let mut world = World::new();
        world.node.price = PricePerGpuHour(1);
        let expected = if agreed { Ok(()) } else { Err(Error::PriceNotAgreed) };
        let offer = LeaseOffer { negotiated: true, ..offer(price, 10) };
        assert_eq!(world.lease_for(offer, at(1)).map(drop), expected, "{price}");
    }
}

#[test]
fn a_spot_job_takes_the_spot_price_of_nodes_that_have_one() {
    let mut world = World::with(spot());
    world.node.spot_price = PricePerGpuHour(7);
    assert_eq!(world.lease_at(at(1)), Err(Error::PriceNotAgreed), "the price on demand is not the spot price");
    assert!(world.lease_for(offer(7, 10), at(1)).is_ok());
    world.node.spot_price = PricePerGpuHour(0);
    let negotiated = LeaseOffer { negotiated: true, ..offer(7, 10) };
    assert_eq!(world.lease_for(negotiated, at(1)), Err(Error::PriceNotAgreed), "takes no spot leases at any price");
}

#[test]
fn a_lease_has_a_length_within_the_jobs_maximum() {
    for (maximum, fits) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
        let expected = if fits { Ok(()) } else { Err(Error::LeaseLengthInvalid) };
        assert_eq!(World::new().lease_for(offer(PRICE.0, maximum), at(1)).map(drop), expected, "{maximum}");
    }
}

#[test]
fn a_job_holds_no_more_live_leases_than_it_allows() {
    let mut world = World::with(disputable());
    let mut first = world.lease_at(START).unwrap();
    world.lease_at(START).unwrap();
    assert_eq!(world.lease_at(START), Err(Error::TooManyLeases));
    world.settle(&mut first, &last(1, 1, ExitClass::Released), at(1)).unwrap();
    assert!(world.lease_at(at(1)).is_ok(), "a reported lease holds no place");
}

#[test]
fn a_node_holds_no_more_leases_than_it_has_gpus() {
    let mut world = World::with(JobTerms { concurrent_leases: 4, ..terms() });
    for _ in 0..3 {
        world.lease_at(at(1)).unwrap();
    }
    assert_eq!(world.lease_at(at(1)), Err(Error::NodeFull));
    world.node.status = NodeStatus::Draining;
    assert_eq!(world.lease_at(at(1)), Err(Error::NodeNotActive));
}

#[test]
fn leases_reserve_no_more_than_the_deposit() {
    let mut world = World::with(JobTerms { deposit: MicroUsdc(1_999_999), ..terms() });
    world.lease_at(at(1)).unwrap();
    assert_eq!(world.lease_at(at(1)), Err(Error::DepositExhausted));
    assert!(world.lease_for(offer(PRICE.0, 999), at(1)).is_ok());
}

#[test]
fn a_lease_needs_free_stake_for_its_bond() {
    let mut world = World::new();
    world.provider.stake.lock(MicroUsdc(1_000_000_000 - BOND.0 + 1)).unwrap();
    assert_eq!(world.lease_at(at(1)), Err(Error::StakeTooSmall));
    world.provider.stake.release(MicroUsdc(1), MicroUsdc(0)).unwrap();
    assert!(world.lease_at(at(1)).is_ok());
}

#[test]
fn a_cheap_lease_still_has_the_minimum_bond_of_its_tier() {
    let mut world = World::new();
    world.parameters.bond_hours = 0;
    world.parameters.minimum_bond = [MicroUsdc(1), MicroUsdc(22), MicroUsdc(3), MicroUsdc(4)];
    assert_eq!(world.lease_at(at(1)).unwrap().bond, MicroUsdc(22), "an RTX 4090 is a consumer's");
}

#[test]
fn a_provider_that_takes_no_work_gets_no_lease() {
    for status in [ProviderStatus::Draining, ProviderStatus::Delisted] {
        let mut world = World::new();
        world.provider.status = status;
        assert_eq!(world.lease_at(at(1)), Err(Error::ProviderNotActive), "{status:?}");
    }
}

#[test]
fn a_reputation_under_the_minimum_of_the_tier_gets_no_lease() {
    let mut world = World::new();
    world.parameters.minimum_reputation = [BasisPoints(0), BasisPoints(5_000), BasisPoints(0), BasisPoints(0)];
    world.provider.reputation.record(MicroUsdc(0), PRIOR, START).unwrap();
    assert!(world.lease_at(at(1)).is_ok(), "one to one is 5 000");
    world.provider.reputation.record(MicroUsdc(0), MicroUsdc(1_000), START).unwrap();
    assert_eq!(world.lease_at(at(1)), Err(Error::ReputationTooLow));
}

#[test]
fn a_job_that_has_used_up_its_attempts_takes_no_further_lease() {
    let mut world = World::with(JobTerms { concurrent_leases: 3, ..terms() });
    let _survivor = world.lease_at(START).unwrap();
    for _ in 0..2 {
        let mut lease = world.lease_at(START).unwrap();
        world.settle(&mut lease, &last(1, 1, ExitClass::NodeFault), at(1)).unwrap();
    }
    assert_eq!(world.lease_at(at(2)), Err(Error::AttemptsExhausted));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut world = World::new();
    world.job.leases_opened = u32::MAX;
    assert_eq!(world.lease_at(at(1)), Err(Error::Overflow));
}
