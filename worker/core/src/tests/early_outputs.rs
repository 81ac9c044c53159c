//! What is finished of a task's outputs, brought away before its end.

use millrace_protocol::{Seconds, UnixSeconds};

use super::rig::*;
use crate::*;

fn running() -> Rig {
    let mut rig = Rig::leased();
    let mut assignment = assignment(0);
    assignment.limits.time = Seconds(600);
    assignment.outputs_every = Some(Seconds(30));
    rig.event(Event::TaskAssigned(assignment));
    (0..4).for_each(|_| rig.step());
    assert_eq!(rig.phase(0), Phase::Running { started_at: START });
    rig
}

/// Numbers of the rounds that were begun and are not over.
fn begun(rig: &Rig) -> Vec<u32> {
    let begun = rig.pending.iter().filter_map(|action| match action {
        Action::BringAway { round: Round::Outputs, number, .. } => Some(*number),
        _ => None,
    });
    begun.collect()
}

fn over(rig: &mut Rig, number: u32, result: Result<Option<Saved>, Setback>) {
    rig.pending.retain(|action| !matches!(action, Action::BringAway { number: begun, .. } if *begun == number));
    let setback = result.clone().err();
    let saved = result.ok().flatten();
    rig.task(0, TaskEvent::RoundOver { round: Round::Outputs, number, saved, setback });
}

fn exit(rig: &mut Rig, code: i64) {
    rig.pending.retain(|action| !matches!(action, Action::Follow(_)));
    rig.task(0, TaskEvent::Exited(Exit { code, out_of_memory: false }));
}

fn told(rig: &mut Rig) -> Vec<Report> {
    std::mem::take(&mut rig.reports)
}

fn refused() -> Setback {
    Setback::of(Round::Outputs, &Failure::new(Cause::OutputInvalid, "a is a link"))
}

#[test]
fn a_round_is_due_each_time_it_says_and_not_a_second_sooner() {
    let mut rig = running();
    rig.tick(29);
    assert!(begun(&rig).is_empty());
    rig.tick(1);
    assert_eq!(begun(&rig), [1]);
    told(&mut rig);
    over(&mut rig, 1, Ok(Some(saved(1))));
    assert_eq!(told(&mut rig), [Report::BroughtAway(key(0), Round::Outputs, saved(1))]);
    rig.tick(30);
    assert_eq!(begun(&rig), [2]);
    over(&mut rig, 2, Ok(Some(saved(1))));
    assert!(told(&mut rig).is_empty(), "the same again is nothing new");
}

#[test]
fn one_that_takes_long_is_not_begun_again_and_that_is_told() {
    let mut rig = running();
    rig.tick(30);
    told(&mut rig);
    rig.tick(30);
    assert_eq!(begun(&rig), [1]);
    assert_eq!(told(&mut rig), [Report::SetBack(key(0), Round::Outputs, Some(Setback::slow(Round::Outputs)))]);
    over(&mut rig, 1, Ok(Some(saved(1))));
    assert_eq!(
        told(&mut rig),
        [Report::BroughtAway(key(0), Round::Outputs, saved(1)), Report::SetBack(key(0), Round::Outputs, None),]
    );
}

#[test]
fn a_job_that_does_not_ask_for_it_has_none() {
    let mut rig = Rig::leased();
    rig.assign(0);
    (0..4).for_each(|_| rig.step());
    rig.tick(59);
    assert!(begun(&rig).is_empty());
}

#[test]
fn a_round_that_comes_to_nothing_is_told_and_fails_nothing() {
    let mut rig = running();
    rig.tick(30);
    told(&mut rig);
    over(&mut rig, 1, Err(refused()));
    assert_eq!(told(&mut rig), [Report::SetBack(key(0), Round::Outputs, Some(refused()))]);
    assert_eq!(rig.phase(0), Phase::Running { started_at: START });
    rig.tick(30);
    over(&mut rig, 2, Err(refused()));
    assert!(told(&mut rig).is_empty(), "the same again is nothing new");
    rig.event(Event::Connected);
    assert_eq!(
        told(&mut rig),
        [Report::SetBack(key(0), Round::Outputs, Some(refused())), Report::Running(key(0))],
        "what was said may have been lost"
    );
    rig.tick(30);
    over(&mut rig, 3, Ok(None));
    assert_eq!(told(&mut rig), [Report::SetBack(key(0), Round::Outputs, None)]);
    exit(&mut rig, 0);
    rig.settle();
    assert_eq!(rig.done(), [0]);
}

#[test]
fn the_result_is_what_is_there_at_the_end_whatever_was_brought_away_before() {
    let mut rig = running();
    rig.tick(30);
    exit(&mut rig, 0);
    assert_eq!(rig.phase(0), Phase::Uploading);
    told(&mut rig);
    over(&mut rig, 1, Ok(Some(saved(1))));
    assert!(told(&mut rig).is_empty(), "the round was broken off");
    rig.settle();
    assert_eq!(rig.done(), [0]);
}

#[test]
fn a_task_that_fails_or_is_stopped_waits_for_no_round() {
    let stops: [fn(&mut Rig); 2] =
        [|_| {}, |rig| rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested })];
    for stop in stops {
        let mut rig = running();
        rig.tick(30);
        stop(&mut rig);
        exit(&mut rig, 1);
        assert!(matches!(rig.phase(0), Phase::Cleaning { .. }));
        assert_eq!(begun(&rig), [1], "and no other is begun");
    }
}

#[test]
fn after_a_kill_the_rounds_go_on() {
    let mut rig = running();
    rig.tick(30);
    over(&mut rig, 1, Ok(Some(saved(1))));
    rig.restart();
    told(&mut rig);
    rig.tick(29);
    assert!(begun(&rig).is_empty());
    rig.tick(1);
    assert_eq!(begun(&rig), [1]);
    over(&mut rig, 1, Ok(Some(saved(1))));
    assert_eq!(told(&mut rig), [Report::BroughtAway(key(0), Round::Outputs, saved(1))], "it may not have been heard");
    assert_eq!(rig.now, UnixSeconds(START.0 + 60));
}

#[test]
fn a_round_that_was_set_back_tells_what_it_has_brought_away_all_the_same() {
    let mut rig = running();
    rig.tick(30);
    told(&mut rig);
    let event = |made| TaskEvent::RoundOver {
        round: Round::Outputs,
        number: 1,
        saved: Some(saved(made)),
        setback: Some(refused()),
    };
    let both = |made| {
        [
            Report::BroughtAway(key(0), Round::Outputs, saved(made)),
            Report::SetBack(key(0), Round::Outputs, Some(refused())),
        ]
    };
    rig.task(0, event(1));
    assert_eq!(told(&mut rig), both(1));
    rig.task(0, event(1));
    assert!(told(&mut rig).is_empty(), "neither is new");
    rig.task(0, event(2));
    assert_eq!(told(&mut rig), both(2), "what was brought away would take the place of what was in the way");
}
