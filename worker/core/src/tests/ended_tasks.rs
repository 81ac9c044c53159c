//! What a rig keeps of tasks that have ended, until their lease is closed.

use millrace_spec::{Destination, Sealed};

use super::rig::*;
use crate::*;

/// Bytes of everything in an assignment that its buyer may make long.
const LONG: usize = 2 * 1024;

fn long(task: u32) -> Assignment {
    let word = "x".repeat(LONG);
    let destination: Destination = "example.com:443".parse().unwrap();
    Assignment {
        command: vec![word.clone()],
        environment: vec![("WORD".to_owned(), word.clone())],
        inputs: vec![assignment(task).inputs[0].clone(); LONG / 100],
        egress: vec![destination; LONG / 20],
        peers: vec![word.clone()],
        sealed: Some(Box::new(Sealed { files: vec![word], ..Sealed::default() })),
        ..assignment(task)
    }
}

/// With the lease taken, and what its tasks need of the buyer.
fn leased() -> Rig {
    let mut rig = Rig::leased();
    rig.event(Event::Unsealed(LEASE));
    rig
}

fn assign(rig: &mut Rig, task: u32) {
    rig.event(Event::TaskAssigned(long(task)));
}

fn bytes(records: &[Record]) -> usize {
    serde_json::to_vec(records).unwrap().len()
}

fn kept(rig: &Rig) -> &Assignment {
    &rig.agent.task(key(0)).unwrap().assignment
}

#[test]
fn an_ended_task_keeps_nothing_that_only_its_container_needs() {
    let mut rig = leased();
    assign(&mut rig, 0);
    while rig.phase(0) != (Phase::Cleaning { outcome: Outcome::Done(vec![output("frame.png")]) }) {
        assert_eq!(kept(&rig), &long(0), "{:?}", rig.phase(0));
        rig.step();
    }
    rig.settle();
    let Assignment { key, job, image, limits, .. } = long(0);
    let small = Assignment { command: vec![], inputs: vec![], key, job, image, limits, ..assignment(0) };
    assert_eq!(kept(&rig), &small, "before its end is booked, too");
    rig.event(Event::TaskAcknowledged(key));
    assert_eq!(kept(&rig), &small);
    assert!(bytes(&rig.journal) > LONG);
    rig.restart();
    assert_eq!(kept(&rig), &small, "also from a journal that has all of it");
}

#[test]
fn a_task_that_has_not_ended_has_all_of_its_assignment_in_the_snapshot() {
    let mut rig = leased();
    assign(&mut rig, 0);
    (0..4).for_each(|_| rig.step());
    rig.journal = rig.agent.snapshot();
    rig.restart();
    assert_eq!(kept(&rig), &long(0));
    rig.step();
    assert_eq!(rig.pending, [Action::CollectOutputs(long(0))]);
}

#[test]
fn a_snapshot_of_a_thousand_ended_tasks_is_short_and_leads_to_the_same_agent() {
    let mut rig = leased();
    for task in 0..1_000 {
        assign(&mut rig, task);
        rig.settle();
        rig.event(Event::TaskAcknowledged(key(task)));
    }
    let snapshot = rig.agent.snapshot();
    assert!(bytes(&snapshot) < 1_000 * 1_024, "{}", bytes(&snapshot));
    assert!(bytes(&rig.journal) > 1_000 * 4 * LONG, "{}", bytes(&rig.journal));
    let short = recover(&snapshot, &[], rig.now);
    assert_eq!(short, recover(&rig.journal, &[], rig.now));
    assert_eq!(short.agent.snapshot(), snapshot);
    let mut restarted = rig.clone();
    restarted.agent = short.agent;
    for rig in [&mut rig, &mut restarted] {
        rig.event(Event::EndLease(LEASE));
    }
    assert_eq!(rig.reports, restarted.reports, "the same root over what all of them have made");
    assert!(matches!(rig.reports.last(), Some(Report::LeaseEnded { .. })));
}

#[test]
fn an_end_that_is_not_booked_is_told_whole_after_a_restart() {
    let mut rig = leased();
    let failure = Failure::new(Cause::InputCorrupt, "scene");
    assign(&mut rig, 0);
    rig.settle();
    assign(&mut rig, 1);
    rig.drop_step();
    rig.task(1, TaskEvent::Failed(failure.clone()));
    rig.settle();
    rig.journal = rig.agent.snapshot();
    rig.restart();
    rig.reports.clear();
    let ends = [Report::Done(key(0), vec![output("frame.png")]), Report::Failed(key(1), failure)];
    rig.event(Event::Connected);
    assert_eq!(rig.reports, ends);
    assign(&mut rig, 0);
    assert_eq!(rig.reports[2..], ends[..1], "whoever has not heard of it assigns it again");
    assert!(rig.is_clean(), "{:?}", rig.pending);
}
