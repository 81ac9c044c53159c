//! Leases that are ended by a notice: their containers have the whole of it.

use millrace_protocol::{LeaseState, Seconds, UnixSeconds};

use super::rig::*;
use crate::*;

const NOTICE: Seconds = Seconds(60);

fn running() -> Rig {
    running_so(assignment(0))
}

fn running_so(assignment: Assignment) -> Rig {
    let mut rig = Rig::leased();
    rig.event(Event::TaskAssigned(assignment));
    (0..4).for_each(|_| rig.step());
    assert_eq!(rig.phase(0), Phase::Running { started_at: START });
    rig
}

fn lasting(seconds: u64) -> Assignment {
    let mut assignment = assignment(0);
    assignment.limits.time = Seconds(seconds);
    assignment
}

fn notice(rig: &mut Rig, left: Seconds) {
    rig.event(Event::NoticeGiven { lease: LEASE, left });
}

fn exit(rig: &mut Rig, code: i64) {
    rig.drop_step();
    rig.task(0, TaskEvent::Exited(Exit { code, out_of_memory: false }));
    rig.settle();
}

#[test]
fn a_container_is_told_at_once_and_killed_ten_seconds_before_the_end() {
    let mut rig = running_so(lasting(600));
    notice(&mut rig, NOTICE);
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.tick(49);
    assert_eq!(rig.signals.len(), 1);
    rig.tick(1);
    assert_eq!(rig.signals, [Action::Terminate(key(0)), Action::Kill(key(0))]);
    exit(&mut rig, 137);
    assert_eq!(rig.last_failure(), Some(Cause::Preempted));
    assert_eq!(Cause::Preempted.fault(), Fault::Nobody);
    assert!(rig.is_clean());
}

#[test]
fn however_it_ends_then_it_is_not_done() {
    for code in [0, 1, 143] {
        let mut rig = running();
        notice(&mut rig, NOTICE);
        exit(&mut rig, code);
        assert_eq!((rig.last_failure(), rig.done()), (Some(Cause::Preempted), vec![]), "status {code}");
        assert!(rig.is_clean());
    }
}

#[test]
fn a_task_that_is_to_finish_has_until_the_end_of_the_notice() {
    let finishing = Assignment { finish_on_notice: true, ..lasting(600) };
    let mut rig = running_so(finishing.clone());
    notice(&mut rig, NOTICE);
    rig.tick(59);
    assert!(rig.signals.is_empty());
    exit(&mut rig, 0);
    assert_eq!(rig.done(), [0]);
    let mut rig = running_so(finishing);
    notice(&mut rig, NOTICE);
    rig.tick(60);
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.tick(10);
    assert_eq!(rig.signals.len(), 2);
    exit(&mut rig, 137);
    assert_eq!(rig.last_failure(), Some(Cause::Preempted));
}

#[test]
fn the_first_word_of_a_notice_counts() {
    let mut rig = running_so(lasting(600));
    notice(&mut rig, NOTICE);
    let before = (rig.agent.clone(), rig.journal.len());
    notice(&mut rig, Seconds(10));
    notice(&mut rig, Seconds(600));
    assert_eq!((rig.agent.clone(), rig.journal.len()), before);
    assert_eq!(rig.signals.len(), 1);
}

#[test]
fn a_notice_shorter_than_the_usual_grace_leaves_that_grace() {
    for left in [0, 3, 12] {
        let mut rig = running_so(lasting(600));
        notice(&mut rig, Seconds(left));
        rig.tick(9);
        assert_eq!(rig.signals.len(), 1, "{left}");
        rig.tick(1);
        assert_eq!(rig.signals.len(), 2, "{left}");
    }
}

#[test]
fn a_notice_does_not_lengthen_the_time_limit() {
    let mut rig = running_so(lasting(20));
    rig.tick(15);
    notice(&mut rig, NOTICE);
    rig.tick(14);
    assert_eq!(rig.signals.len(), 1);
    rig.tick(1);
    assert_eq!(rig.signals.len(), 2, "five seconds of its time, and the grace");
}

#[test]
fn what_has_not_begun_does_not_begin() {
    for steps in 0..=3 {
        for finish_on_notice in [false, true] {
            let mut rig = Rig::leased();
            rig.event(Event::TaskAssigned(Assignment { finish_on_notice, ..assignment(0) }));
            (0..steps).for_each(|_| rig.step());
            notice(&mut rig, NOTICE);
            rig.settle();
            let starting = steps == 3 && finish_on_notice;
            assert_eq!(rig.done().is_empty(), !starting, "after {steps} steps");
            assert!(rig.is_clean(), "after {steps} steps");
        }
    }
}

#[test]
fn outputs_under_way_are_brought_home() {
    let mut rig = running();
    rig.step();
    assert_eq!(rig.phase(0), Phase::Uploading);
    notice(&mut rig, NOTICE);
    rig.settle();
    assert_eq!(rig.done(), [0]);
}

#[test]
fn no_further_task_begins_under_the_lease() {
    let mut rig = running();
    rig.assign(1);
    notice(&mut rig, NOTICE);
    exit(&mut rig, 143);
    rig.assign(2);
    assert!(rig.is_clean());
    let failed = |index| {
        let is = |report: &&Report| matches!(report, Report::Failed(of, failure) if *of == key(index) && failure.cause == Cause::Preempted);
        rig.reports.iter().any(|report| is(&report))
    };
    assert!((0..3).all(failed), "{:?}", rig.reports);
}

#[test]
fn whoever_is_taken_back_meanwhile_has_the_usual_grace() {
    for event in [Event::EndLease(LEASE), Event::StopTask { key: key(0), reason: StopReason::Requested }] {
        let mut rig = running_so(lasting(600));
        notice(&mut rig, NOTICE);
        rig.tick(5);
        rig.event(event);
        assert_eq!(rig.signals.len(), 1, "it was told");
        rig.tick(9);
        assert_eq!(rig.signals.len(), 1);
        rig.tick(1);
        assert_eq!(rig.signals.len(), 2);
    }
}

#[test]
fn the_chain_tells_of_a_notice_that_nobody_else_does() {
    let mut rig = running_so(lasting(600));
    let read = |preempted_at| {
        let mut on_chain = super::upkeep::opened();
        (on_chain.state, on_chain.preempted_at) = (LeaseState::Running, preempted_at);
        on_chain.ends_by = UnixSeconds(6_000);
        Event::LeaseRead { lease: LEASE, account: Some(on_chain), clock: UnixSeconds(5_000) }
    };
    rig.event(read(UnixSeconds::ZERO));
    assert!(rig.signals.is_empty());
    rig.event(read(UnixSeconds(5_040)));
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.tick(30);
    assert_eq!(rig.signals.len(), 2);
}

#[test]
fn a_notice_for_a_lease_that_is_not_there_or_ends_already_is_nothing() {
    let mut rig = Rig::new();
    notice(&mut rig, NOTICE);
    assert_eq!(rig.agent, Agent::default());
    let mut rig = running();
    rig.event(Event::EndLease(LEASE));
    let before = rig.agent.clone();
    notice(&mut rig, NOTICE);
    assert_eq!(rig.agent, before);
}

/// A life with a notice, killed after each record: the container is told, has its time and leaves nothing.
#[test]
fn a_worker_that_is_killed_within_the_notice_goes_on_with_it() {
    let mut rig = running_so(lasting(600));
    rig.event(voucher(1, 10, false));
    notice(&mut rig, NOTICE);
    exit(&mut rig, 143);
    rig.event(Event::TaskAcknowledged(key(0)));
    rig.event(Event::EndLease(LEASE));
    rig.event(voucher(2, 20, true));
    rig.pays();
    assert_eq!(rig.agent, Agent::default());
    let journal = rig.journal;
    let at = |wanted: fn(&Record) -> bool| journal.iter().position(wanted).unwrap();
    let given = at(|record| matches!(record, Record::NoticeGiven { .. }));
    let ended = at(|record| matches!(record, Record::TaskEnded { .. }));
    assert!(given < at(|record| matches!(record, Record::TaskFailing { .. })), "on disk before anybody hears of it");
    for cut in given + 1..=ended {
        let mut rig = Rig::new();
        rig.now = UnixSeconds(START.0 + 20);
        rig.journal = journal[..cut].to_vec();
        rig.containers.insert(key(0), FoundState::Running);
        rig.folders.insert(key(0));
        rig.restart();
        assert_eq!(rig.signals, [Action::Terminate(key(0))], "cut after {cut}");
        rig.tick(29);
        assert_eq!(rig.signals.len(), 1, "cut after {cut}: it has the rest of the notice");
        rig.tick(1);
        assert_eq!(rig.signals.len(), 2, "cut after {cut}");
        rig.settle();
        assert_eq!(rig.last_failure(), Some(Cause::Preempted));
        assert!(rig.is_clean());
        rig.signals.clear();
        rig.restart();
        assert!(rig.signals.is_empty() && rig.is_clean(), "cut after {cut}");
    }
}

#[test]
fn a_shortened_journal_says_the_same() {
    let mut rig = running_so(lasting(600));
    notice(&mut rig, NOTICE);
    rig.containers.insert(key(0), FoundState::Running);
    rig.journal = rig.agent.snapshot();
    rig.restart();
    rig.tick(50);
    assert_eq!(rig.signals.last(), Some(&Action::Kill(key(0))));
    assert_eq!(rig.agent.lease(&LEASE).unwrap().notice().unwrap().ends_at, UnixSeconds(START.0 + 60));
}
