use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{
    Address, BasisPoints, GpuUnits, Lease as OnChain, LeaseOutcome, LeaseState, MicroUsdc, PricePerGpuHour, Seconds,
    UnixSeconds, transitions,
};

use super::rig::*;
use crate::*;

/// The lease as it was opened, a second after it was signed.
pub fn opened() -> OnChain {
    OnChain {
        state: LeaseState::Assigned,
        price: PricePerGpuHour(3_600_000),
        units: GpuUnits(1),
        opened_at: UnixSeconds(START.0 + 1),
        maximum: Seconds(600),
        reserved: MicroUsdc(600_000),
        paid: MicroUsdc::ZERO,
        fees: MicroUsdc::ZERO,
        bond: MicroUsdc(86_400_000),
        sequence: 0,
        metered: Seconds::ZERO,
        downtime: Seconds::ZERO,
        start_by: UnixSeconds(START.0 + 301),
        start_extended: false,
        started_late: false,
        attested_at: UnixSeconds::ZERO,
        checkpoint_by: UnixSeconds::ZERO,
        ends_by: UnixSeconds(START.0 + 901),
        preempted_at: UnixSeconds::ZERO,
        reported: LeaseOutcome::default(),
        disputable_until: UnixSeconds::ZERO,
        fee: BasisPoints(500),
        abandon_penalty: BasisPoints(1_000),
        lost_penalty: BasisPoints(2_500),
        start_timeout: Seconds(300),
        checkpoint_interval: Seconds(900),
        hold_limit: Seconds(2_000),
        settle_grace: Seconds(600),
    }
}

/// Running since `at`, with the voucher of `sequence` redeemed then.
pub fn running(at: u64, sequence: u64) -> OnChain {
    OnChain {
        state: LeaseState::Running,
        sequence,
        attested_at: UnixSeconds(at),
        checkpoint_by: UnixSeconds(at + 900),
        maximum: Seconds(36_000),
        ends_by: UnixSeconds(START.0 + 36_301),
        ..opened()
    }
}

/// Lets `seconds` go by; the chain answers each question with what it has. Returns what else was asked.
pub fn pass(rig: &mut Rig, seconds: u64, chain: &mut Option<OnChain>) -> Vec<Action> {
    let mut done = Vec::new();
    for _ in 0..seconds {
        rig.tick(1);
        while !rig.asked.is_empty() {
            let action = rig.asked.remove(0);
            let clock = rig.now;
            match (&action, chain.as_mut()) {
                (Action::ReadLease(_), _) => {}
                (Action::ExtendStart(_), Some(lease)) => transitions::extend_start(lease, clock).unwrap(),
                (Action::HoldLease(_), Some(lease)) => transitions::hold_lease(lease, clock).unwrap(),
                (Action::Redeem { voucher, .. }, Some(lease)) => *lease = running(clock.0, voucher.sequence),
                other => panic!("{other:?}"),
            }
            rig.event(Event::LeaseRead { lease: LEASE, account: *chain, clock });
            if !matches!(action, Action::ReadLease(_)) {
                done.push(action);
            }
        }
    }
    done
}

pub fn endless(task: u32) -> Event {
    let mut assignment = assignment(task);
    assignment.limits.time = Seconds(100_000);
    Event::TaskAssigned(assignment)
}

#[test]
fn a_slow_start_is_extended_once_in_its_last_quarter() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    let mut chain = Some(opened());
    assert_eq!(pass(&mut rig, 225, &mut chain), []);
    assert_eq!(pass(&mut rig, 1, &mut chain), [Action::ExtendStart(LEASE)]);
    assert_eq!(chain.unwrap().start_by, UnixSeconds(START.0 + 601));
    assert_eq!(pass(&mut rig, 374, &mut chain), [], "there is no second one");
}

#[test]
fn a_rig_without_a_task_takes_its_longer_start_only_where_nobody_is_heard() {
    for (speaks, expected) in [(true, vec![]), (false, vec![Action::ExtendStart(LEASE)])] {
        let mut rig = Rig::leased();
        rig.assign(0);
        rig.settle();
        let mut chain = Some(opened());
        assert_eq!(pass(&mut rig, 200, &mut chain), []);
        if speaks {
            // Under way, and not on chain yet.
            rig.event(voucher(1, 0, false));
            chain = Some(OnChain { sequence: 1, ..opened() });
        }
        assert_eq!(pass(&mut rig, 100, &mut chain), expected);
    }
}

/// A rig whose work is done and attested for good, and the lease on chain.
pub fn attested(exit_class: ExitClass) -> (Rig, Option<OnChain>) {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.event(Event::EndLease(LEASE));
    let Event::Voucher { voucher, signature } = voucher(2, 5, true) else { panic!("another event") };
    rig.event(Event::Voucher { voucher: Voucher { exit_class, ..voucher }, signature });
    assert_eq!(rig.agent.live_leases().count(), 0, "its units are free");
    (rig, Some(running(START.0, 1)))
}

pub fn is_paid(rig: &mut Rig, seconds: u64, chain: &mut Option<OnChain>) {
    let redeemed = pass(rig, seconds, chain);
    assert!(matches!(&redeemed[..], [Action::Redeem { voucher, .. }] if voucher.is_final), "{redeemed:?}");
    assert_eq!(rig.agent, Agent::default(), "the chain has it");
    assert_eq!(rig.journal.last(), Some(&Record::LeaseClosed { lease: LEASE }));
}

#[test]
fn a_final_voucher_that_nobody_redeems_is_redeemed_after_five_minutes() {
    let (mut rig, mut chain) = attested(ExitClass::Released);
    assert_eq!(pass(&mut rig, 299, &mut chain), []);
    is_paid(&mut rig, 15, &mut chain);
}

#[test]
fn a_worker_that_is_restarted_gives_who_issued_a_final_voucher_as_long_again() {
    let (mut rig, mut chain) = attested(ExitClass::Released);
    assert_eq!(pass(&mut rig, 200, &mut chain), []);
    rig.restart();
    assert_eq!(pass(&mut rig, 299, &mut chain), []);
    is_paid(&mut rig, 15, &mut chain);
}

#[test]
fn a_final_voucher_that_ends_its_job_is_redeemed_before_the_deadline() {
    let (mut rig, mut chain) = attested(ExitClass::Completed);
    assert_eq!(pass(&mut rig, 660, &mut chain), [], "it must not come before those of the job's other leases");
    is_paid(&mut rig, 30, &mut chain);
}

#[test]
fn an_orchestrator_that_disowns_a_lease_takes_no_final_voucher_away() {
    let (mut rig, mut chain) = attested(ExitClass::Released);
    rig.event(Event::LeaseOver(LEASE));
    assert_eq!(rig.agent.leases().count(), 1);
    rig.tick(0);
    assert_eq!(std::mem::take(&mut rig.asked), [Action::ReadLease(LEASE)], "the chain is asked");
    assert_eq!(pass(&mut rig, 299, &mut chain), []);
    is_paid(&mut rig, 15, &mut chain);
}

#[test]
fn an_endpoint_that_is_behind_closes_no_lease() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.event(Event::EndLease(LEASE));
    rig.event(voucher(1, 5, true));
    let read = |rig: &mut Rig, account, at: u64| {
        rig.event(Event::LeaseRead { lease: LEASE, account, clock: UnixSeconds(START.0 + at) });
        rig.agent.leases().count()
    };
    assert_eq!(read(&mut rig, None, 149), 1, "it may not have landed yet");
    assert_eq!(read(&mut rig, Some(opened()), 200), 1);
    assert_eq!(read(&mut rig, None, 199), 1, "it was there a second later");
    assert_eq!(read(&mut rig, None, 200), 0);
}

#[test]
fn a_lease_that_the_chain_has_no_more_runs_on_for_nobody() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    (0..4).for_each(|_| rig.step());
    let mut chain = Some(opened());
    assert_eq!(pass(&mut rig, 15, &mut chain), []);
    chain = None;
    rig.event(Event::LeaseRead { lease: LEASE, account: chain, clock: START });
    assert!(rig.signals.is_empty(), "an endpoint that is behind");
    rig.event(Event::LeaseRead { lease: LEASE, account: chain, clock: rig.now });
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.settle();
    assert!(rig.is_clean());
    assert_eq!(rig.agent, Agent::default());
}

#[test]
fn a_voucher_that_nobody_redeems_is_redeemed_before_the_deadline() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    rig.event(voucher(1, 5, false));
    let mut chain = Some(opened());
    assert_eq!(pass(&mut rig, 225, &mut chain), []);
    let redeemed = pass(&mut rig, 1, &mut chain);
    assert!(
        matches!(&redeemed[..], [Action::Redeem { voucher, signature }] if voucher.sequence == 1 && signature.len() == 64)
    );
    assert_eq!(pass(&mut rig, 60, &mut chain), []);
}

#[test]
fn a_voucher_of_an_attestor_that_fell_silent_is_redeemed_before_a_cancel_could_end_the_lease() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    let mut chain = Some(running(START.0, 1));
    assert_eq!(pass(&mut rig, 100, &mut chain), []);
    rig.event(voucher(2, 100, false));
    assert_eq!(pass(&mut rig, 149, &mut chain), [], "it may be about to redeem it");
    let redeemed = pass(&mut rig, 301, &mut chain);
    assert!(matches!(&redeemed[..], [Action::Redeem { voucher, .. }] if voucher.sequence == 2), "{redeemed:?}");
    assert_eq!(pass(&mut rig, 200, &mut chain), [], "once");
}

#[test]
fn a_last_voucher_is_redeemed_before_the_grace_behind_the_leases_end_is_over() {
    let end = UnixSeconds(START.0 + 50);
    let ended = OnChain { ends_by: end, ..running(START.0, 1) };
    for on_chain in [ended, OnChain { preempted_at: end, ..running(START.0, 1) }] {
        let (mut rig, _) = attested(ExitClass::Completed);
        let mut chain = Some(on_chain);
        assert_eq!(pass(&mut rig, 499, &mut chain), [], "it must not come before those of the job's other leases");
        is_paid(&mut rig, 30, &mut chain);
    }
}

#[test]
fn a_lease_whose_end_comes_before_its_checkpoint_is_not_held_for_nothing() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    rig.event(voucher(1, 5, false));
    let mut chain = Some(OnChain { ends_by: UnixSeconds(START.0 + 10), ..running(START.0, 1) });
    assert_eq!(pass(&mut rig, 609, &mut chain), []);
}

#[test]
fn an_attestor_that_redeems_is_left_to_it() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    for sequence in 1..20 {
        rig.event(voucher(sequence, 100 * sequence, false));
        let mut chain = Some(running(rig.now.0, sequence));
        assert_eq!(pass(&mut rig, 450, &mut chain), []);
    }
}

#[test]
fn a_lease_without_vouchers_is_held_until_its_limit_and_no_longer() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    rig.event(voucher(1, 5, false));
    let mut chain = Some(running(START.0, 1));
    let asked = pass(&mut rig, 675, &mut chain);
    assert_eq!(asked, [Action::HoldLease(LEASE)]);
    assert_eq!(chain.unwrap().checkpoint_by, UnixSeconds(START.0 + 1_575));
    assert_eq!(pass(&mut rig, 674, &mut chain), []);
    assert_eq!(pass(&mut rig, 1, &mut chain), [Action::HoldLease(LEASE)]);
    assert_eq!(chain.unwrap().checkpoint_by, chain.unwrap().hold_ends().unwrap());
    assert_eq!(pass(&mut rig, 649, &mut chain), [], "held to its limit");
}

#[test]
fn a_lease_whose_container_nobody_sees_is_neither_vouched_for_nor_held() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    rig.event(voucher(1, 5, false));
    let mut chain = Some(running(START.0, 1));
    let see = |rig: &mut Rig, event| rig.event(Event::Task { key: key(0), event });
    assert!(rig.agent.vouches_for(LEASE));
    see(&mut rig, TaskEvent::OutOfSight);
    assert!(!rig.agent.vouches_for(LEASE));
    assert_eq!(pass(&mut rig, 700, &mut chain), []);
    see(&mut rig, TaskEvent::InSight);
    assert!(rig.agent.vouches_for(LEASE));
    assert_eq!(pass(&mut rig, 15, &mut chain), [Action::HoldLease(LEASE)]);
}

#[test]
fn a_container_that_ended_out_of_sight_is_vouched_for_while_its_outputs_are_uploaded() {
    let mut rig = Rig::leased();
    rig.assign(0);
    while !matches!(rig.phase(0), Phase::Running { .. }) {
        rig.step();
    }
    rig.event(Event::Task { key: key(0), event: TaskEvent::OutOfSight });
    let exit = Exit { code: 0, out_of_memory: false };
    rig.event(Event::Task { key: key(0), event: TaskEvent::Exited(exit) });
    assert_eq!(rig.phase(0), Phase::Uploading);
    assert!(rig.agent.vouches_for(LEASE));
    rig.event(Event::Task { key: key(0), event: TaskEvent::OutOfSight });
    assert!(!rig.agent.vouches_for(LEASE), "it cannot be cleaned away, and that is no work");
}

#[test]
fn a_heard_attestor_keeps_a_lease_from_being_held() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    rig.event(voucher(1, 5, false));
    let mut chain = Some(running(START.0, 1));
    assert_eq!(pass(&mut rig, 300, &mut chain), []);
    // The same voucher again: it is there, and has nothing more to attest.
    rig.event(voucher(1, 5, false));
    assert_eq!(pass(&mut rig, 449, &mut chain), []);
    assert_eq!(pass(&mut rig, 15, &mut chain), [Action::HoldLease(LEASE)], "silent for half of the interval");
}

#[test]
fn a_result_is_held_like_work() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.event(voucher(1, 5, false));
    rig.event(Event::EndLease(LEASE));
    let mut chain = Some(running(START.0, 1));
    assert_eq!(pass(&mut rig, 675, &mut chain), [Action::HoldLease(LEASE)]);
}

#[test]
fn the_chains_clock_counts_and_not_the_rigs() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    rig.tick(15);
    assert_eq!(std::mem::take(&mut rig.asked), [Action::ReadLease(LEASE)]);
    // By the rig's own clock there would be time enough.
    rig.event(Event::LeaseRead { lease: LEASE, account: Some(opened()), clock: UnixSeconds(START.0 + 230) });
    assert_eq!(rig.asked, [Action::ExtendStart(LEASE)]);
}

#[test]
fn what_is_not_on_chain_or_waits_there_asks_for_little() {
    let disputable_until = UnixSeconds(START.0 + 100_000);
    let reported = OnChain { state: LeaseState::Reported, disputable_until, ..running(START.0, 1) };
    for mut chain in [None, Some(reported)] {
        let mut rig = Rig::leased();
        rig.event(endless(0));
        rig.tick(15);
        assert_eq!(rig.asked, [Action::ReadLease(LEASE)]);
        rig.asked.clear();
        rig.event(Event::LeaseRead { lease: LEASE, account: chain, clock: rig.now });
        rig.tick(299);
        assert_eq!(rig.asked, []);
        assert_eq!(pass(&mut rig, 600, &mut chain), []);
    }
}

#[test]
fn a_lease_that_the_chain_has_is_held_though_nobody_says_so() {
    for (account, held) in [(Some(opened()), true), (None, false)] {
        let mut rig = Rig::leased();
        rig.tick(15);
        rig.event(Event::LeaseRead { lease: LEASE, account, clock: rig.now });
        assert_eq!(rig.journal.contains(&Record::LeaseHeld { lease: LEASE }), held);
        rig.restart();
        let snapshot = rig.agent.snapshot();
        assert_eq!(recover(&snapshot, &[], rig.now).agent, rig.agent);
        // An orchestrator that is away for three minutes has its task done all the same.
        rig.tick(200);
        rig.event(Event::LeaseRead { lease: LEASE, account, clock: rig.now });
        rig.assign(0);
        rig.settle();
        assert_eq!(rig.done(), if held { vec![0] } else { vec![] });
        let unknown = rig.last_failure().is_some_and(|cause| cause == Cause::LeaseUnknown);
        assert_eq!(unknown, !held);
    }
}

#[test]
fn time_that_the_buyer_added_and_a_longer_start_count() {
    for (account, length) in [
        (opened(), 1_500),
        (OnChain { start_extended: true, ..opened() }, 1_800),
        (OnChain { maximum: Seconds(1_000), ..opened() }, 1_900),
    ] {
        let mut rig = Rig::leased();
        rig.event(endless(0));
        (0..4).for_each(|_| rig.step());
        rig.event(Event::LeaseRead { lease: LEASE, account: Some(account), clock: START });
        rig.tick(length - 1);
        assert!(rig.signals.is_empty(), "{length}");
        rig.tick(1);
        assert_eq!(rig.signals, [Action::Terminate(key(0))], "{length}");
    }
}

#[test]
fn after_a_restart_the_chain_is_asked_anew() {
    let mut rig = Rig::leased();
    rig.event(endless(0));
    rig.event(voucher(1, 5, false));
    let mut chain = Some(running(START.0, 1));
    pass(&mut rig, 700, &mut chain);
    rig.restart();
    rig.asked.clear();
    assert_eq!(pass(&mut rig, 600, &mut chain), []);
    assert_eq!(pass(&mut rig, 100, &mut chain), [Action::HoldLease(LEASE)]);
}

#[test]
fn a_lease_nobody_holds_is_not_looked_after() {
    let mut rig = Rig::new();
    let other = Address([3; 32]);
    rig.event(Event::LeaseRead { lease: other, account: Some(opened()), clock: UnixSeconds(START.0 + 299) });
    assert_eq!(rig.asked, []);
    let last = Voucher {
        program: Address([1; 32]),
        lease: other,
        sequence: 9,
        metered: Seconds(1),
        downtime: Seconds::ZERO,
        is_final: false,
        exit_class: ExitClass::Completed,
        result_root: [0; 32],
    };
    rig.event(Event::Voucher { voucher: last, signature: vec![5; 64] });
    rig.tick(1_000);
    assert_eq!(rig.asked, []);
}
