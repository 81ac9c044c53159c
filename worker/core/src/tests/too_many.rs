//! An orchestrator that hands out more than a lease can do.

use super::rig::*;
use crate::*;

/// What a rig takes under one lease.
const MOST: u32 = 32;

fn assign(rig: &mut Rig, task: u32, attempt: u32) {
    let key = TaskKey { attempt, ..key(task) };
    rig.event(Event::TaskAssigned(Assignment { key, ..assignment(task) }));
}

/// Attempts at one task, as far as each has come.
fn attempts(rig: &Rig) -> Vec<(u32, bool)> {
    rig.agent.tasks().map(|task| (task.key().attempt, task.outcome().is_some())).collect()
}

fn running() -> Rig {
    let mut rig = Rig::leased();
    assign(&mut rig, 0, 1);
    (0..4).for_each(|_| rig.step());
    rig
}

#[test]
fn one_task_too_many_is_refused_and_not_kept_until_another_has_ended() {
    let mut rig = Rig::leased();
    (0..MOST).for_each(|task| rig.assign(task));
    assert_eq!(rig.last_failure(), None);
    let before = (rig.agent.clone(), rig.journal.len());
    for task in MOST..MOST + 100 {
        rig.assign(task);
        let told = Report::Failed(key(task), Cause::TasksTooMany.into());
        assert_eq!(rig.reports.last(), Some(&told));
    }
    assert_eq!((rig.agent.clone(), rig.journal.len()), before);
    rig.assign(0);
    assert_eq!(rig.reports.last(), Some(&Report::FetchingInputs(key(0))), "what is known is answered as ever");
    while rig.done().is_empty() {
        rig.step();
    }
    rig.assign(MOST);
    assert_eq!(rig.phase(MOST), Phase::Assigned);
}

#[test]
fn attempts_of_one_task_are_bounded_like_tasks() {
    let mut rig = running();
    for attempt in 2..200 {
        assign(&mut rig, 0, attempt);
    }
    assert_eq!(attempts(&rig).len(), MOST as usize);
    assert_eq!(rig.last_failure(), Some(Cause::TasksTooMany));
    assert_eq!(Cause::TasksTooMany.fault(), Fault::Nobody);
}

#[test]
fn a_further_attempt_takes_the_one_before_it_back() {
    let mut rig = running();
    assign(&mut rig, 0, 2);
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.settle();
    assert_eq!(attempts(&rig), [(1, true), (2, true)]);
    assert_eq!(rig.last_failure(), Some(Cause::Stopped));
    assert_eq!(rig.done(), [0]);
    assert!(rig.is_clean());
}

#[test]
fn a_further_attempt_waits_while_the_one_before_it_is_being_stopped() {
    let mut rig = running();
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    for attempt in 2..10 {
        assign(&mut rig, 0, attempt);
        rig.event(Event::StopTask { key: TaskKey { attempt, ..key(0) }, reason: StopReason::Requested });
    }
    assign(&mut rig, 0, 10);
    assert_eq!(rig.signals.len(), 1);
    assert_eq!(attempts(&rig).last(), Some(&(10, false)));
    rig.settle();
    assert_eq!(rig.done(), [0], "the last one is done");
    assert!(rig.is_clean());
}
