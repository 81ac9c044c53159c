//! More time for a lease that the rig holds.

use millrace_protocol::{
    Error, GpuUnits, Job, JobState, JobTerms, Lease as OnChain, MicroUsdc, Payment, PricePerGpuHour, Requirements,
    Seconds, ServiceLevel, UnixSeconds, Verification,
};

use super::policy::policy;
use super::rig::*;
use super::upkeep::{opened, running};
use crate::policy::{Extension, Refusal, Rig as Policy, check_extension};
use crate::*;

const MORE: Seconds = Seconds(300);

fn job() -> Job {
    let requirements =
        Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
    Job {
        terms: JobTerms {
            requirements,
            maximum_price: PricePerGpuHour(3_600_000),
            concurrent_leases: 1,
            lease_seconds: Seconds(3_600),
            start_window: Seconds(60),
            retries: 0,
            deposit: MicroUsdc(3_600_000),
            spot: false,
            service_level: ServiceLevel::None,
            payment: Payment::Streaming,
            verification: Verification::Attested,
            dispute_window: Seconds::ZERO,
        },
        state: JobState::Active,
        reserved: MicroUsdc(600_000),
        paid: MicroUsdc(0),
        fees: MicroUsdc(0),
        compensation: MicroUsdc(0),
        dispute_bonds: MicroUsdc(0),
        live_leases: 1,
        reported_leases: 0,
        completed: false,
        leases_opened: 1,
        attempts_failed: 0,
        start_deadline: UnixSeconds::MAX,
        cancelled_at: UnixSeconds(0),
        settle_grace: Seconds(600),
    }
}

fn extension() -> Extension {
    let clock = UnixSeconds(START.0 + 10);
    Extension { lease: LEASE, job: JOB, more: MORE, auctioned: false, on_chain: opened(), rules: job(), clock }
}

fn held() -> Rig {
    let mut rig = Rig::leased();
    rig.event(voucher(1, 5, false));
    rig
}

fn refused(rig: &Rig, policy: &Policy, extension: &Extension) -> Refusal {
    check_extension(policy, &rig.agent, extension, rig.now).unwrap_err()
}

#[test]
fn a_lease_that_is_held_may_have_more_time() {
    assert_eq!(check_extension(&policy(), &held().agent, &extension(), START), Ok(Seconds(900)));
}

#[test]
fn a_lease_that_is_not_held_or_ends_has_none() {
    assert_eq!(refused(&Rig::new(), &policy(), &extension()), Refusal::NotHeld);
    assert_eq!(refused(&Rig::leased(), &policy(), &extension()), Refusal::NotHeld, "only signed");
    let mut ending = held();
    ending.event(Event::EndLease(LEASE));
    assert_eq!(refused(&ending, &policy(), &extension()), Refusal::NotHeld);
    let mut noticed = held();
    noticed.event(Event::NoticeGiven { lease: LEASE, left: Seconds(60) });
    assert_eq!(refused(&noticed, &policy(), &extension()), Refusal::NotHeld);
}

#[test]
fn a_rig_that_drains_gives_no_more_time() {
    let draining = Policy { draining: true, ..policy() };
    assert_eq!(refused(&held(), &draining, &extension()), Refusal::Draining);
    let unfit = Policy { unfit: true, ..policy() };
    assert_eq!(refused(&held(), &unfit, &extension()), Refusal::Unfit);
}

#[test]
fn a_lease_on_a_gpu_that_is_out_of_order_has_no_more_time_and_others_have() {
    let fault = GpuFault::Lost;
    let mut own = held();
    own.event(Event::GpuFault { gpu: 0, fault });
    let refusal = check_extension(&policy(), &own.agent, &extension(), own.now);
    assert!(matches!(refusal, Err(Refusal::GpuFaulty { gpu: 0, .. } | Refusal::NotHeld)), "{refusal:?}");
    let mut other = held();
    other.event(Event::GpuFault { gpu: 1, fault });
    assert_eq!(check_extension(&policy(), &other.agent, &extension(), START), Ok(Seconds(900)));
}

#[test]
fn what_is_not_what_the_chain_has_is_refused() {
    let rig = held();
    let price = OnChain { price: PricePerGpuHour(3_600_001), ..opened() };
    let units = OnChain { units: GpuUnits(2), ..opened() };
    let shorter = OnChain { maximum: Seconds(599), ..opened() };
    for on_chain in [price, units, shorter] {
        let differs = Extension { on_chain, ..extension() };
        assert_eq!(refused(&rig, &policy(), &differs), Refusal::TermsDiffer, "{on_chain:?}");
    }
    assert_eq!(refused(&rig, &policy(), &Extension { job: LEASE, ..extension() }), Refusal::TermsDiffer);
}

#[test]
fn what_the_rig_asks_now_counts_but_a_bid_stands() {
    let rig = held();
    let dearer = Policy { price: PricePerGpuHour(3_600_001), ..policy() };
    let refusal = Refusal::PriceTooLow { offered: PricePerGpuHour(3_600_000), asked: PricePerGpuHour(3_600_001) };
    assert_eq!(refused(&rig, &dearer, &extension()), refusal);
    let bid = Extension { auctioned: true, ..extension() };
    assert_eq!(check_extension(&dearer, &rig.agent, &bid, START), Ok(Seconds(900)));
    let mut spot = extension();
    spot.rules.terms.spot = true;
    assert_eq!(check_extension(&dearer, &rig.agent, &spot, START), Ok(Seconds(900)));
    assert_eq!(refused(&rig, &Policy { spot_price: None, ..policy() }, &spot), Refusal::NoSpot);
}

#[test]
fn what_the_chain_would_refuse_is_refused() {
    let rig = held();
    let mut cancelled = extension();
    cancelled.rules.state = JobState::Cancelling;
    let mut poor = extension();
    poor.rules.reserved = MicroUsdc(3_300_001);
    let too_long = Extension { more: Seconds(3_001), ..extension() };
    let late = Extension { clock: opened().ends_by, ..extension() };
    let cases = [
        (cancelled, Error::JobNotOpen),
        (poor, Error::DepositExhausted),
        (too_long, Error::LeaseLengthInvalid),
        (late, Error::DeadlinePassed),
    ];
    for (extension, error) in cases {
        assert_eq!(refused(&rig, &policy(), &extension), Refusal::Rules(error));
    }
}

#[test]
fn no_lease_gets_longer_than_the_rig_takes_one_whatever_was_signed_before() {
    let mut rig = held();
    let whole = Policy { longest: Seconds(900), ..policy() };
    assert_eq!(check_extension(&whole, &rig.agent, &extension(), START), Ok(Seconds(900)));
    let short = Policy { longest: Seconds(899), ..policy() };
    let refusal = Refusal::TooLong { asked: Seconds(900), longest: Seconds(899) };
    assert_eq!(refused(&rig, &short, &extension()), refusal);
    // What it has signed may still land, beside what it is asked to sign now.
    rig.event(Event::ExtensionAgreed { lease: LEASE, maximum: Seconds(900) });
    let refusal = Refusal::TooLong { asked: Seconds(1_200), longest: Seconds(900) };
    assert_eq!(refused(&rig, &whole, &extension()), refusal);
    rig.tick(149);
    assert_eq!(refused(&rig, &whole, &extension()), refusal);
    rig.tick(1);
    assert_eq!(check_extension(&whole, &rig.agent, &extension(), rig.now), Ok(Seconds(900)));
}

#[test]
fn a_longer_lease_is_not_over_after_a_restart_though_no_chain_answers() {
    for lands in [true, false] {
        let mut rig = held();
        rig.event(Event::ExtensionAgreed { lease: LEASE, maximum: Seconds(7_200) });
        let account = lands.then(|| OnChain { maximum: Seconds(7_200), ..opened() });
        rig.event(Event::LeaseRead { lease: LEASE, account, clock: rig.now });
        rig.tick(600 + 900);
        rig.restart();
        rig.tick(1);
        assert_eq!(rig.agent.lease(&LEASE).map(Lease::phase), Some(LeasePhase::Held));
        // Of the time before the restart nobody can be sure.
        rig.tick(7_200 + 900 - 2);
        assert_eq!(rig.agent.lease(&LEASE).map(Lease::phase), Some(LeasePhase::Held));
        rig.tick(1);
        assert_ne!(rig.agent.lease(&LEASE).map(Lease::phase), Some(LeasePhase::Held));
    }
}

#[test]
fn the_lease_is_read_again_soon_until_it_is_longer_or_will_not_be() {
    let mut rig = held();
    // Far from any deadline.
    rig.tick(15);
    rig.asked.clear();
    let seen = |rig: &mut Rig, maximum: u64| {
        let account = OnChain { maximum: Seconds(maximum), ..running(START.0, 1) };
        rig.asked.clear();
        rig.event(Event::LeaseRead { lease: LEASE, account: Some(account), clock: rig.now });
    };
    seen(&mut rig, 600);
    rig.tick(100);
    assert_eq!(rig.asked, []);
    rig.event(Event::ExtensionAgreed { lease: LEASE, maximum: Seconds(900) });
    for _ in 0..2 {
        rig.tick(14);
        assert_eq!(rig.asked, []);
        rig.tick(1);
        assert_eq!(rig.asked, [Action::ReadLease(LEASE)]);
        seen(&mut rig, 600);
    }
    rig.tick(15);
    seen(&mut rig, 900);
    rig.tick(100);
    assert_eq!(rig.asked, [], "it is there");
    // Its own end has moved by as much: 600 s, 900 s of slack, and 300 s more.
    rig.tick(600 + 900 + 300 - rig.now.since(START).0 - 1);
    assert_eq!(rig.agent.lease(&LEASE).map(Lease::phase), Some(LeasePhase::Held));
    rig.tick(1);
    assert_ne!(rig.agent.lease(&LEASE).map(Lease::phase), Some(LeasePhase::Held));
}
