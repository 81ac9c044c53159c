use millrace_protocol::Seconds;

use super::rig::*;
use crate::*;

fn running() -> Rig {
    let mut rig = Rig::leased();
    rig.assign(0);
    (0..4).for_each(|_| rig.step());
    assert_eq!(rig.phase(0), Phase::Running { started_at: START });
    rig
}

#[test]
fn a_task_walks_through_its_phases_and_leaves_nothing() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    let walk: Vec<&Report> = rig.reports.iter().collect();
    assert_eq!(
        walk,
        [
            &Report::FetchingInputs(key(0)),
            &Report::Pulling(key(0)),
            &Report::Creating(key(0), "sha256:d".into()),
            &Report::Starting(key(0)),
            &Report::Running(key(0)),
            &Report::Uploading(key(0)),
            &Report::Done(key(0), vec![output("frame.png")]),
        ]
    );
    assert!(rig.is_clean());
}

#[test]
fn the_end_is_told_only_when_everything_is_cleaned() {
    let mut rig = running();
    (0..2).for_each(|_| rig.step());
    assert!(matches!(rig.phase(0), Phase::Cleaning { .. }));
    assert!(rig.done().is_empty());
    rig.step();
    assert_eq!(rig.done(), [0]);
}

#[test]
fn a_failed_step_is_cleaned_and_told_with_its_own_cause() {
    let causes = [
        (0, Cause::InputCorrupt),
        (0, Cause::DiskFull),
        (1, Cause::ImageMissing),
        (1, Cause::PullFailed),
        (2, Cause::CreateFailed),
        (3, Cause::StartFailed),
    ];
    for (steps, cause) in causes {
        let mut rig = Rig::leased();
        rig.assign(0);
        (0..steps).for_each(|_| rig.step());
        rig.drop_step();
        rig.task(0, TaskEvent::Failed(cause.into()));
        rig.settle();
        assert_eq!(rig.last_failure(), Some(cause));
        assert!(rig.is_clean(), "{cause:?}");
    }
}

#[test]
fn bad_outputs_fail_the_task() {
    let mut rig = running();
    rig.step();
    rig.drop_step();
    rig.task(0, TaskEvent::Failed(Failure::new(Cause::OutputInvalid, "frame.png is a link")));
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::OutputInvalid));
    assert!(rig.is_clean());
}

#[test]
fn exit_codes_and_memory_decide_the_cause() {
    let exits = [
        (Exit { code: 3, out_of_memory: false }, Cause::ExitCode(3)),
        (Exit { code: 137, out_of_memory: true }, Cause::OutOfMemory),
    ];
    for (exit, cause) in exits {
        let mut rig = running();
        rig.drop_step();
        rig.task(0, TaskEvent::Exited(exit));
        rig.settle();
        assert_eq!(rig.last_failure(), Some(cause));
        assert!(rig.is_clean());
    }
}

#[test]
fn a_program_that_coped_with_a_dead_helper_has_succeeded() {
    let mut rig = running();
    rig.drop_step();
    rig.task(0, TaskEvent::Exited(Exit { code: 0, out_of_memory: true }));
    rig.settle();
    assert_eq!(rig.done(), [0]);
}

#[test]
fn a_limit_that_the_shell_watches_ends_a_task_without_grace() {
    let mut rig = running();
    rig.drop_step();
    rig.task(0, TaskEvent::Failed(Cause::OutputInvalid.into()));
    assert!(rig.signals.is_empty());
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::OutputInvalid));
    assert!(rig.is_clean());
}

#[test]
fn the_time_limit_ends_a_task_not_one_second_early() {
    let mut rig = running();
    rig.tick(59);
    assert!(rig.signals.is_empty());
    rig.tick(1);
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.drop_step();
    // Even a container that ends well on SIGTERM was too slow.
    rig.task(0, TaskEvent::Exited(Exit { code: 0, out_of_memory: false }));
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::TimedOut));
    assert!(rig.is_clean());
}

#[test]
fn a_deaf_container_is_killed_and_then_removed() {
    let mut rig = running();
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    rig.tick(9);
    assert_eq!(rig.signals.len(), 1);
    rig.tick(1);
    assert_eq!(rig.signals, [Action::Terminate(key(0)), Action::Kill(key(0))]);
    rig.drop_step();
    rig.tick(29);
    assert!(matches!(rig.phase(0), Phase::Stopping { .. }));
    rig.tick(1);
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::Stopped));
    assert!(rig.is_clean());
}

#[test]
fn stopping_works_in_every_phase() {
    for steps in 0..=6 {
        let mut rig = Rig::leased();
        rig.assign(0);
        (0..steps).for_each(|_| rig.step());
        rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
        rig.settle();
        let finished_before = steps >= 6;
        assert_eq!(rig.done().is_empty(), !finished_before, "after {steps} steps");
        assert!(rig.is_clean(), "after {steps} steps");
        assert!(rig.agent.unfinished(LEASE).next().is_none());
    }
}

#[test]
fn a_stop_during_start_still_watches_the_container() {
    let mut rig = Rig::leased();
    rig.assign(0);
    (0..3).for_each(|_| rig.step());
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    assert!(matches!(rig.phase(0), Phase::Stopping { .. }));
    rig.step();
    assert_eq!(rig.pending, [Action::Follow(key(0))]);
}

#[test]
fn a_vanished_container_is_the_rigs_fault() {
    let mut rig = running();
    rig.drop_step();
    rig.task(0, TaskEvent::Vanished);
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::ContainerLost));
    assert_eq!(Cause::ContainerLost.fault(), Fault::Node);
}

#[test]
fn late_results_of_broken_off_steps_change_nothing() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.step();
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    let before = rig.agent.clone();
    rig.task(0, TaskEvent::ImageReady { digest: "late".into() });
    rig.task(0, TaskEvent::Created);
    rig.task(0, TaskEvent::Started);
    rig.task(0, TaskEvent::Failed(Cause::PullFailed.into()));
    assert_eq!(rig.agent, before);
}

#[test]
fn time_limits_count_from_the_start_of_the_container() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.step();
    rig.tick(200);
    (0..3).for_each(|_| rig.step());
    rig.tick(assignment(0).limits.time.0 - 1);
    assert!(rig.signals.is_empty());
    assert_eq!(assignment(0).limits.time, Seconds(60));
}
