use millrace_protocol::{BasisPoints, Diagnostic, GpuUnits, Hardware, PricePerGpuHour, Seconds};
use millrace_spec::{ObjectRef, Runtime, Sealed, Sha256};

use super::rig::*;
use super::spec::spec;
use crate::policy::{Offer, Refusal, Rig as Policy, check};
use crate::{Agent, Event, GpuFault};

pub fn policy() -> Policy {
    Policy {
        hardware: Hardware {
            gpu_class: 8,
            gpu_count: 2,
            vram_mib: 24_576,
            cpu_cores: 4,
            memory_mib: 1_024,
            disk_mib: 10_000,
            region: 4,
            country: *b"DE",
            simulated: true,
        },
        price: PricePerGpuHour(3_600_000),
        spot_price: Some(PricePerGpuHour(1_800_000)),
        any_attestor: false,
        bid_share: Some(BasisPoints::WHOLE),
        longest: Seconds(3_600),
        network: false,
        gvisor: false,
        draining: false,
        unfit: false,
        disk_reserve_mib: 100,
    }
}

pub fn offer() -> Offer {
    Offer {
        lease: LEASE,
        job: JOB,
        spec: terms().spec,
        attestor: terms().attestor,
        scheduler: terms().attestor,
        spot: false,
        price: PricePerGpuHour(3_600_000),
        auctioned: false,
        units: GpuUnits(1),
        maximum: Seconds(600),
        cpu_millis: 2_000,
        memory_mib: 512,
        disk_mib: 1_000,
        network: false,
        runtime: None,
        accept_simulated: true,
    }
}

#[test]
fn a_fair_offer_is_taken_as_it_is() {
    assert_eq!(check(&policy(), &Agent::default(), &offer(), 1_100, START), Ok(terms()));
}

#[test]
fn each_reason_refuses() {
    let (agent, gvisor) = (Agent::default(), Some(Runtime::Gvisor));
    assert!(
        check(&Policy { gvisor: true, ..policy() }, &agent, &Offer { runtime: gvisor, ..offer() }, 1_100, START)
            .is_ok()
    );
    let refusals = [
        (Policy { draining: true, ..policy() }, offer(), Refusal::Draining),
        (Policy { unfit: true, ..policy() }, offer(), Refusal::Unfit),
        (
            policy(),
            Offer { price: PricePerGpuHour(3_599_999), ..offer() },
            Refusal::PriceTooLow { offered: PricePerGpuHour(3_599_999), asked: PricePerGpuHour(3_600_000) },
        ),
        (
            policy(),
            Offer { spot: true, price: PricePerGpuHour(1_799_999), ..offer() },
            Refusal::PriceTooLow { offered: PricePerGpuHour(1_799_999), asked: PricePerGpuHour(1_800_000) },
        ),
        (Policy { spot_price: None, ..policy() }, Offer { spot: true, ..offer() }, Refusal::NoSpot),
        (policy(), Offer { attestor: JOB, ..offer() }, Refusal::ForeignAttestor { attestor: JOB }),
        (policy(), Offer { maximum: Seconds(0), ..offer() }, Refusal::Worthless),
        (
            policy(),
            Offer { maximum: Seconds(3_601), ..offer() },
            Refusal::TooLong { asked: Seconds(3_601), longest: Seconds(3_600) },
        ),
        (policy(), Offer { network: true, ..offer() }, Refusal::NetworkForbidden),
        (policy(), Offer { runtime: gvisor, ..offer() }, Refusal::RuntimeMissing { runtime: Runtime::Gvisor }),
        (policy(), Offer { accept_simulated: false, ..offer() }, Refusal::Simulated),
        (
            policy(),
            Offer { units: GpuUnits(3), ..offer() },
            Refusal::UnitsTaken { asked: GpuUnits(3), free: GpuUnits(2) },
        ),
        (policy(), Offer { cpu_millis: 4_001, ..offer() }, Refusal::CpuTaken { asked: 4_001, free: 4_000 }),
        (policy(), Offer { memory_mib: 1_025, ..offer() }, Refusal::MemoryTaken { asked: 1_025, free: 1_024 }),
        (policy(), Offer { disk_mib: 1_001, ..offer() }, Refusal::DiskFull { asked: 1_001, free: 1_000 }),
    ];
    for (rig, offer, refusal) in refusals {
        assert_eq!(check(&rig, &agent, &offer, 1_100, START), Err(refusal));
        assert!(!refusal.code().is_empty() && !refusal.hint().is_empty());
    }
}

#[test]
fn encrypted_inputs_must_fit_twice_and_plain_ones_of_their_size_once() {
    let disk = |sealed: Sealed| {
        let mut spec = spec();
        spec.limits.disk_mib = 1_000;
        spec.inputs.insert("scene.pov".into(), ObjectRef { sha256: Sha256([1; 32]), size: 600 << 20 });
        spec.sealed = Some(sealed);
        Offer { disk_mib: spec.promised_disk_mib(), ..offer() }
    };
    let check = |offer: &Offer, free| check(&policy(), &Agent::default(), offer, free + 100, START);
    let plain = disk(Sealed { files: vec!["token".into()], ..Sealed::default() });
    assert_eq!(check(&plain, 1_000).map(|terms| terms.disk_mib), Ok(1_000));
    let inputs = disk(Sealed { inputs: Some(Sha256([5; 32])), ..Sealed::default() });
    for free in [1_000, 1_599] {
        assert_eq!(check(&inputs, free), Err(Refusal::DiskFull { asked: 1_600, free }));
    }
    assert_eq!(check(&inputs, 1_600).map(|terms| terms.disk_mib), Ok(1_600), "all of it is promised");
}

#[test]
fn whoever_says_so_a_rig_that_takes_no_more_tells_it_in_one_word() {
    for (draining, unfit, takes_no_more) in
        [(false, false, false), (true, false, true), (false, true, true), (true, true, true)]
    {
        assert_eq!(Policy { draining, unfit, ..policy() }.takes_no_more(), takes_no_more);
    }
}

#[test]
fn spot_leases_and_other_attestors_are_taken_where_the_owner_says_so() {
    let spot = Offer { spot: true, price: PricePerGpuHour(1_800_000), ..offer() };
    assert!(check(&policy(), &Agent::default(), &spot, 1_100, START).is_ok());
    let trusting = Policy { any_attestor: true, ..policy() };
    let foreign = check(&trusting, &Agent::default(), &Offer { attestor: JOB, ..offer() }, 1_100, START);
    assert_eq!(foreign.unwrap().attestor, JOB);
}

#[test]
fn promises_count_until_their_lease_has_ended() {
    let mut rig = Rig::leased();
    rig.assign(0);
    assert_eq!(check(&policy(), &rig.agent, &offer(), 2_100, START), Err(Refusal::AlreadyHeld));
    let second = Offer { lease: millrace_protocol::Address([1; 32]), ..offer() };
    let greedy = Offer { units: GpuUnits(2), ..second };
    let refused = Refusal::UnitsTaken { asked: GpuUnits(2), free: GpuUnits(1) };
    assert_eq!(check(&policy(), &rig.agent, &greedy, 2_100, START), Err(refused));
    let hungry = Offer { memory_mib: 513, ..second };
    let refused = Refusal::MemoryTaken { asked: 513, free: 512 };
    assert_eq!(check(&policy(), &rig.agent, &hungry, 2_100, START), Err(refused));
    assert_eq!(check(&policy(), &rig.agent, &second, 2_100, START).unwrap().gpus, [1], "GPU 0 is taken");
    let refused = Refusal::DiskFull { asked: 1_000, free: 999 };
    assert_eq!(check(&policy(), &rig.agent, &second, 2_099, START), Err(refused), "the disk is promised once");
    rig.event(Event::EndLease(LEASE));
    rig.settle();
    assert!(check(&policy(), &rig.agent, &greedy, 1_100, START).is_ok(), "a reported lease occupies nothing");
}

#[test]
fn an_offer_whose_transaction_did_not_land_may_come_again() {
    let mut rig = Rig::leased();
    rig.tick(100);
    let whole = Offer { units: GpuUnits(2), cpu_millis: 4_000, ..offer() };
    let again = check(&policy(), &rig.agent, &whole, 1_100, rig.now).unwrap();
    assert_eq!(again.gpus, [0, 1], "its own former promise does not stand in its way");
    rig.event(Event::OfferAccepted { lease: LEASE, terms: again });
    rig.tick(100);
    assert_eq!(rig.agent.leased().0, 2, "its life begins again");
    rig.restart();
    assert_eq!(rig.agent.leased().0, 2);
}

#[test]
fn a_rig_with_a_faulty_gpu_takes_no_further_lease() {
    let mut rig = Rig::new();
    rig.event(Event::GpuFault { gpu: 1, fault: GpuFault::Xid(13) });
    assert!(check(&policy(), &rig.agent, &offer(), 1_100, START).is_ok(), "the program's own mistake");
    rig.event(Event::GpuFault { gpu: 1, fault: GpuFault::Xid(63) });
    let refusal = check(&policy(), &rig.agent, &offer(), 1_100, START).unwrap_err();
    assert_eq!(refusal, Refusal::GpuFaulty { gpu: 1, fault: GpuFault::Xid(63) });
    assert_eq!((refusal.code(), refusal.hint().is_empty()), ("gpu-faulty", false));
}
