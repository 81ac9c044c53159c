//! What a task keeps for its next attempt.

use millrace_protocol::{Diagnostic, Seconds, UnixSeconds};

use super::rig::*;
use crate::*;

fn keeping() -> Assignment {
    let mut assignment = assignment(0);
    assignment.limits.time = Seconds(600);
    assignment.checkpoint = Some(Checkpointing { every: Seconds(30), restore: None });
    assignment
}

fn running() -> Rig {
    let mut rig = Rig::leased();
    rig.event(Event::TaskAssigned(keeping()));
    (0..4).for_each(|_| rig.step());
    assert_eq!(rig.phase(0), Phase::Running { started_at: START });
    rig
}

/// Numbers of the checkpoints that were begun and are not over.
fn begun(rig: &Rig) -> Vec<u32> {
    let begun = rig.pending.iter().filter_map(|action| match action {
        Action::BringAway { round: Round::Checkpoint, number, .. } => Some(*number),
        _ => None,
    });
    begun.collect()
}

fn over(rig: &mut Rig, number: u32, saved: Option<Saved>) {
    ended(rig, number, Ok(saved));
}

fn ended(rig: &mut Rig, number: u32, result: Result<Option<Saved>, Setback>) {
    rig.pending.retain(|action| !matches!(action, Action::BringAway { number: begun, .. } if *begun == number));
    let setback = result.clone().err();
    let saved = result.ok().flatten();
    rig.task(0, TaskEvent::RoundOver { round: Round::Checkpoint, number, saved, setback });
}

fn told(rig: &Rig) -> Vec<Saved> {
    let told = rig.reports.iter().filter_map(|report| match report {
        Report::BroughtAway(_, Round::Checkpoint, saved) => Some(*saved),
        _ => None,
    });
    told.collect()
}

fn exit(rig: &mut Rig, code: i64) {
    rig.pending.retain(|action| !matches!(action, Action::Follow(_)));
    rig.task(0, TaskEvent::Exited(Exit { code, out_of_memory: false }));
}

#[test]
fn a_checkpoint_is_due_each_time_it_says_and_not_a_second_sooner() {
    let mut rig = running();
    rig.tick(29);
    assert!(begun(&rig).is_empty());
    rig.tick(1);
    assert_eq!(begun(&rig), [1]);
    over(&mut rig, 1, Some(saved(1)));
    assert_eq!(told(&rig), [saved(1)]);
    rig.tick(29);
    assert!(begun(&rig).is_empty());
    rig.tick(1);
    assert_eq!(begun(&rig), [2]);
}

#[test]
fn one_that_takes_long_is_not_begun_again_and_one_that_comes_to_nothing_is() {
    let mut rig = running();
    rig.tick(30);
    rig.tick(30);
    assert_eq!(begun(&rig), [1]);
    over(&mut rig, 1, None);
    assert!(told(&rig).is_empty());
    rig.tick(30);
    assert_eq!(begun(&rig), [2]);
    // The same again is nothing new.
    over(&mut rig, 2, Some(saved(7)));
    rig.tick(30);
    over(&mut rig, 3, Some(saved(7)));
    assert_eq!(told(&rig), [saved(7)]);
}

#[test]
fn a_job_that_keeps_nothing_has_none() {
    let mut rig = Rig::leased();
    rig.assign(0);
    (0..4).for_each(|_| rig.step());
    rig.tick(59);
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    exit(&mut rig, 143);
    assert!(begun(&rig).is_empty() && matches!(rig.phase(0), Phase::Cleaning { .. }));
}

#[test]
fn what_was_stopped_or_failed_is_saved_before_it_is_cleaned() {
    let stops: [fn(&mut Rig); 5] = [
        |rig| rig.event(Event::NoticeGiven { lease: LEASE, left: Seconds(60) }),
        |rig| rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested }),
        |rig| rig.event(Event::EndLease(LEASE)),
        |rig| rig.tick(600),
        |_| {},
    ];
    for stop in stops {
        let mut rig = running();
        stop(&mut rig);
        rig.pending.retain(|action| !matches!(action, Action::BringAway { .. }));
        exit(&mut rig, 143);
        assert!(matches!(rig.phase(0), Phase::Saving { .. }));
        assert_eq!(begun(&rig).len(), 1);
        assert!(rig.last_failure().is_none());
        rig.settle();
        let order: Vec<bool> = rig
            .reports
            .iter()
            .filter_map(|report| match report {
                Report::BroughtAway(..) => Some(true),
                Report::Failed(..) => Some(false),
                _ => None,
            })
            .collect();
        assert_eq!(order, [true, false], "the next attempt begins with it");
        assert!(rig.is_clean());
    }
}

#[test]
fn what_the_rig_has_failed_is_saved_before_it_is_cleaned_also_where_it_is_handed_back() {
    for told_to_stop in [false, true] {
        let mut rig = running();
        if told_to_stop {
            rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
        }
        rig.pending.retain(|action| !matches!(action, Action::Follow(_) | Action::BringAway { .. }));
        rig.containers.insert(key(0), FoundState::Exited(Exit { code: 139, out_of_memory: false }));
        rig.task(0, TaskEvent::EndedBy(Cause::GpuLost.into()));
        assert!(matches!(rig.phase(0), Phase::Saving { .. }));
        rig.restart();
        assert!(matches!(rig.phase(0), Phase::Saving { .. }), "its container has ended, and is there");
        rig.settle();
        assert_eq!(told(&rig).len(), 1);
        assert_eq!(rig.last_failure(), Some(if told_to_stop { Cause::Stopped } else { Cause::GpuLost }));
        assert!(rig.is_clean());
    }
}

#[test]
fn what_ended_with_the_machine_is_saved_before_it_is_cleaned() {
    let mut rig = running();
    rig.containers.insert(key(0), FoundState::Interrupted(Exit { code: 0, out_of_memory: false }));
    rig.restart();
    assert!(matches!(rig.phase(0), Phase::Saving { .. }));
    rig.settle();
    assert_eq!((told(&rig).len(), rig.last_failure()), (1, Some(Cause::ContainerLost)));
    assert!(rig.is_clean());
}

#[test]
fn a_task_that_is_done_keeps_nothing() {
    let mut rig = running();
    rig.tick(30);
    exit(&mut rig, 0);
    rig.pending.retain(|action| !matches!(action, Action::BringAway { .. }));
    rig.settle();
    assert_eq!(rig.done(), [0]);
}

#[test]
fn the_last_one_is_not_the_one_that_was_under_way() {
    let mut rig = running();
    rig.tick(30);
    rig.event(Event::NoticeGiven { lease: LEASE, left: Seconds(60) });
    exit(&mut rig, 143);
    assert_eq!(begun(&rig), [1, 2]);
    over(&mut rig, 1, Some(saved(1)));
    assert!(matches!(rig.phase(0), Phase::Saving { .. }));
    over(&mut rig, 2, Some(saved(2)));
    assert!(matches!(rig.phase(0), Phase::Cleaning { .. }));
    assert_eq!(told(&rig), [saved(1), saved(2)]);
}

#[test]
fn nobody_waits_for_the_last_one_for_ever() {
    let mut rig = running();
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    exit(&mut rig, 143);
    rig.tick(39);
    assert!(matches!(rig.phase(0), Phase::Saving { .. }));
    rig.tick(1);
    assert!(matches!(rig.phase(0), Phase::Cleaning { .. }));
}

#[test]
fn what_was_saved_is_told_again_until_the_end_is_booked() {
    let mut rig = running();
    rig.tick(30);
    over(&mut rig, 1, Some(saved(1)));
    rig.reports.clear();
    rig.event(Event::Connected);
    assert_eq!(told(&rig), [saved(1)]);
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    exit(&mut rig, 143);
    rig.settle();
    rig.reports.clear();
    rig.event(Event::Connected);
    assert!(matches!(rig.reports[..], [Report::BroughtAway(..), Report::Failed(..)]), "{:?}", rig.reports);
    rig.event(Event::TaskAcknowledged(key(0)));
    rig.reports.clear();
    rig.event(Event::Connected);
    assert!(told(&rig).is_empty());
}

/// Killed after each record of a life with checkpoints, with the container in each state that it may have then.
#[test]
fn a_kill_at_any_record_loses_no_checkpoint_that_was_saved() {
    let mut rig = running();
    rig.tick(30);
    over(&mut rig, 1, Some(saved(1)));
    rig.event(Event::NoticeGiven { lease: LEASE, left: Seconds(60) });
    exit(&mut rig, 143);
    rig.settle();
    let journal = rig.journal;
    let first = journal.iter().position(|record| matches!(record, Record::CheckpointSaved { .. })).unwrap();
    let stopped = FoundState::Exited(Exit { code: 143, out_of_memory: false });
    for cut in first + 1..=journal.len() {
        for found in [FoundState::Running, stopped] {
            let mut rig = Rig::new();
            rig.now = UnixSeconds(START.0 + 35);
            rig.journal = journal[..cut].to_vec();
            rig.containers.insert(key(0), found);
            rig.folders.insert(key(0));
            rig.restart();
            rig.event(Event::Connected);
            assert!(!told(&rig).is_empty(), "cut after {cut}: the saved one is told");
            let again = recover(&rig.agent.snapshot(), &[], rig.now).agent;
            let known = |agent: &Agent| agent.task(key(0)).unwrap().checkpoint();
            assert_eq!(known(&again), known(&rig.agent), "a shortened journal says the same");
            if found == FoundState::Running {
                rig.event(Event::NoticeGiven { lease: LEASE, left: Seconds(25) });
                exit(&mut rig, 143);
            }
            rig.settle();
            assert!(rig.is_clean(), "cut after {cut}, {found:?}");
            assert!(rig.done().is_empty());
        }
    }
}

fn setbacks(rig: &mut Rig) -> Vec<Option<&'static str>> {
    let told = std::mem::take(&mut rig.reports).into_iter().filter_map(|report| match report {
        Report::SetBack(_, Round::Checkpoint, setback) => Some(setback.map(|setback| setback.cause.code())),
        _ => None,
    });
    told.collect()
}

#[test]
fn one_that_cannot_be_taken_is_told_until_one_is() {
    let mut rig = running();
    rig.tick(30);
    let refused = Failure::new(Cause::OutputInvalid, "trick is a link");
    ended(&mut rig, 1, Err(Setback::of(Round::Checkpoint, &refused)));
    assert_eq!(setbacks(&mut rig), [Some("checkpoint-invalid")]);
    rig.tick(30);
    ended(&mut rig, 2, Err(Setback::of(Round::Checkpoint, &Failure::from(Cause::DiskFull))));
    assert_eq!(setbacks(&mut rig), [Some("checkpoint-failed")]);
    rig.event(Event::Connected);
    assert_eq!(setbacks(&mut rig), [Some("checkpoint-failed")]);
    rig.tick(30);
    over(&mut rig, 3, Some(saved(3)));
    assert_eq!(setbacks(&mut rig), [None]);
    rig.event(Event::Connected);
    assert!(setbacks(&mut rig).is_empty());
}

#[test]
fn a_last_one_that_fails_or_comes_too_late_is_told_before_the_end() {
    type End = (fn(&mut Rig), &'static str);
    let ends: [End; 2] = [
        (|rig| ended(rig, 1, Err(Setback::of(Round::Checkpoint, &Cause::UploadFailed.into()))), "checkpoint-failed"),
        (|rig| rig.tick(40), "checkpoint-late"),
    ];
    for (end, code) in ends {
        let mut rig = running();
        rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
        exit(&mut rig, 143);
        end(&mut rig);
        assert!(matches!(rig.phase(0), Phase::Cleaning { .. }));
        rig.settle();
        rig.reports.clear();
        rig.event(Event::Connected);
        assert!(matches!(rig.reports[..], [Report::SetBack(..), Report::Failed(..)]), "{:?}", rig.reports);
        assert_eq!(setbacks(&mut rig), [Some(code)]);
    }
}

#[test]
fn one_that_cannot_be_begun_with_is_told() {
    let mut rig = Rig::leased();
    rig.event(Event::TaskAssigned(keeping()));
    rig.task(0, TaskEvent::CheckpointLost(Setback::new(SetbackCause::CheckpointLost, "it is gone")));
    assert_eq!(setbacks(&mut rig), [Some("checkpoint-lost")]);
    (0..4).for_each(|_| rig.step());
    rig.tick(30);
    over(&mut rig, 1, Some(saved(1)));
    assert_eq!(setbacks(&mut rig), [None]);
}
