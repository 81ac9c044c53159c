use super::rig::*;
use crate::*;

fn running() -> Rig {
    let mut rig = Rig::leased();
    rig.assign(0);
    (0..4).for_each(|_| rig.step());
    rig
}

#[test]
fn a_running_container_is_adopted_with_its_clock() {
    let mut rig = running();
    rig.now.0 += 30;
    rig.restart();
    assert_eq!(rig.phase(0), Phase::Running { started_at: START });
    assert_eq!(rig.pending, [Action::Follow(key(0))]);
    rig.tick(30);
    assert_eq!(rig.signals, [Action::Terminate(key(0))], "the time before the restart counts");
}

#[test]
fn a_container_that_ended_meanwhile_is_collected() {
    let mut rig = running();
    rig.containers.insert(key(0), FoundState::Exited(Exit { code: 0, out_of_memory: false }));
    rig.restart();
    assert_eq!(rig.copied, [key(0)], "what it printed while nobody listened");
    assert_eq!(rig.phase(0), Phase::Uploading);
    rig.settle();
    assert_eq!(rig.done(), [0]);
    assert!(rig.is_clean());
}

#[test]
fn what_a_restart_of_the_machine_killed_is_not_the_buyers_fault() {
    for (code, out_of_memory, cause) in [
        (137, false, Cause::ContainerLost),
        (143, false, Cause::ContainerLost),
        (255, false, Cause::ContainerLost),
        (137, true, Cause::OutOfMemory),
        (3, false, Cause::ExitCode(3)),
    ] {
        let mut rig = running();
        rig.containers.insert(key(0), FoundState::Exited(Exit { code, out_of_memory }));
        rig.restart();
        rig.settle();
        assert_eq!(rig.last_failure(), Some(cause));
        assert!(rig.is_clean());
    }
}

/// A rig that finds a container which has failed long after its time was over.
fn found_failed() -> Rig {
    let mut rig = running();
    rig.containers.insert(key(0), FoundState::Exited(Exit { code: 3, out_of_memory: false }));
    rig.now.0 += 600;
    rig.restart();
    rig.tick(1);
    rig
}

#[test]
fn what_failed_while_nobody_watched_is_looked_at_like_what_failed_before_their_eyes() {
    let mut rig = found_failed();
    assert_eq!(rig.pending, [Action::Follow(key(0))]);
    assert_eq!((&rig.signals, &rig.copied), (&vec![], &vec![]), "it has ended, and its log comes with the look");
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::ExitCode(3)));
    let mut rig = found_failed();
    rig.restart();
    assert_eq!(rig.pending, [Action::Follow(key(0))], "killed before it was looked at");
    rig.drop_step();
    rig.task(0, TaskEvent::Failed(Cause::DiskFull.into()));
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::DiskFull));
    assert!(rig.is_clean());
}

#[test]
fn a_gpu_that_is_lost_answers_for_what_failed_on_it_while_nobody_watched() {
    let mut rig = found_failed();
    rig.event(Event::GpuFault { gpu: 0, fault: GpuFault::Lost });
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::GpuLost));
    assert!(rig.is_clean());
}

#[test]
fn what_ended_with_its_engine_has_no_result_whatever_it_says() {
    for code in [0, 3, 137] {
        let mut rig = running();
        rig.containers.insert(key(0), FoundState::Interrupted(Exit { code, out_of_memory: false }));
        rig.restart();
        assert_eq!(rig.copied, [key(0)], "what it printed while nobody listened");
        rig.settle();
        assert_eq!((rig.done(), rig.last_failure()), (vec![], Some(Cause::ContainerLost)), "status {code}");
        assert!(rig.is_clean());
    }
}

#[test]
fn an_end_that_was_watched_stays_good_when_its_engine_is_started_again() {
    let mut rig = running();
    rig.drop_step();
    let exit = Exit { code: 0, out_of_memory: false };
    rig.task(0, TaskEvent::Exited(exit));
    rig.pending.clear();
    rig.containers.insert(key(0), FoundState::Interrupted(exit));
    rig.restart();
    rig.settle();
    assert_eq!(rig.done(), [0]);
}

#[test]
fn a_container_that_is_gone_is_lost() {
    let mut rig = running();
    rig.containers.clear();
    rig.restart();
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::ContainerLost));
    assert!(rig.is_clean());
}

#[test]
fn what_nobody_owns_is_removed() {
    let found = [
        FoundContainer { id: "foreign".into(), key: Some(key(4)), state: FoundState::Running },
        FoundContainer { id: "nameless".into(), key: None, state: FoundState::Created },
    ];
    let recovered = recover(&[], &found, START);
    assert_eq!(
        recovered.actions,
        [
            Action::RemoveContainer("foreign".into()),
            Action::RemoveContainer("nameless".into()),
            Action::RemoveFoldersExcept(vec![]),
        ]
    );
}

#[test]
fn of_two_containers_the_further_one_is_adopted() {
    let rig = running();
    let found = [
        FoundContainer { id: "stale".into(), key: Some(key(0)), state: FoundState::Created },
        FoundContainer { id: "alive".into(), key: Some(key(0)), state: FoundState::Running },
        FoundContainer { id: "double".into(), key: Some(key(0)), state: FoundState::Created },
    ];
    let recovered = recover(&rig.journal, &found, START);
    let removed: Vec<&Action> =
        recovered.actions.iter().filter(|action| matches!(action, Action::RemoveContainer(_))).collect();
    assert_eq!(removed, [&Action::RemoveContainer("stale".into()), &Action::RemoveContainer("double".into())]);
    assert!(recovered.actions.contains(&Action::Follow(key(0))));
}

#[test]
fn a_stop_is_not_forgotten() {
    let mut rig = running();
    rig.event(Event::StopTask { key: key(0), reason: StopReason::Requested });
    rig.signals.clear();
    rig.restart();
    assert_eq!(rig.signals, [Action::Terminate(key(0))]);
    rig.settle();
    assert_eq!(rig.last_failure(), Some(Cause::Stopped));
}

#[test]
fn a_container_of_a_finished_task_is_removed() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.containers.insert(key(0), FoundState::Running);
    rig.restart();
    assert!(rig.containers.is_empty());
}

#[test]
fn vouchers_survive() {
    let mut rig = running();
    rig.event(voucher(1, 10, false));
    rig.event(voucher(2, 20, false));
    rig.restart();
    let (kept, _) = rig.agent.lease(&LEASE).unwrap().voucher().unwrap();
    assert_eq!(kept.sequence, 2);
}

#[test]
fn a_snapshot_replays_to_the_same_agent() {
    let mut rig = Rig::leased();
    rig.assign(0);
    rig.settle();
    rig.event(Event::TaskAcknowledged(key(0)));
    rig.event(voucher(1, 10, false));
    rig.assign(1);
    (0..4).for_each(|_| rig.step());
    rig.assign(2);
    for _ in 0..2 {
        let found = [FoundContainer { id: "1".into(), key: Some(key(1)), state: FoundState::Running }];
        let long = recover(&rig.journal, &found, rig.now);
        let short = recover(&rig.agent.snapshot(), &found, rig.now);
        assert_eq!(long.agent, short.agent);
        assert!(rig.agent.snapshot().len() < rig.journal.len());
        rig.event(Event::EndLease(LEASE));
    }
}
