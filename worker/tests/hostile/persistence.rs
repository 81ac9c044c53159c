//! Programs that do not want to end.

use std::fs;
use std::time::Duration;

use millrace_agent::TaskKey;

use super::*;

/// How many processes of this machine have the word as an argument.
fn running(word: &str) -> usize {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    processes.filter(|arguments| arguments.split(|byte| *byte == 0).any(|part| part == word.as_bytes())).count()
}

/// A word that no other test has, for the arguments of an attack's processes.
fn mark(name: &str) -> String {
    format!("millrace-{name}-{}", std::process::id())
}

async fn until_running(word: &str, count: usize) {
    let seen = async {
        while running(word) != count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap_or_else(|_| panic!("never {count} of {word}"));
}

#[tokio::test]
async fn a_program_that_ignores_every_signal_it_can() {
    let mark = mark("deaf");
    let attack = format!("trap '' TERM INT HUP QUIT; exec sh -c 'while :; do sleep 1; done' {mark}");
    let mut spec = spec(&attack);
    spec.limits.task_seconds = LIMIT;
    let Some((code, _)) = failure_of(spec).await else { return };
    assert_eq!(code, "timed-out");
    assert_eq!(running(&mark), 0);
}

#[tokio::test]
async fn processes_that_want_to_outlive_the_job() {
    let mark = mark("orphan");
    let attack = format!(
        "for i in 1 2 3; do (setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' {mark} &); done
         until [ -e /outputs/end ]; do sleep 0.1; done"
    );
    let Some(mut rig) = rig(spec(&attack)).await else { return };
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    until_running(&mark, 3).await;
    let key = TaskKey { lease: rig.lease(), task: 0, attempt: 1 };
    fs::write(rig.data().join(format!("tasks/{key}/outputs/end")), "").unwrap();
    let end = rig.orchestrator.end().await;
    assert_eq!(end.phase(), Phase::Done, "{:?}", end.failure);
    assert!(rig.is_clean().await);
    assert_eq!(running(&mark), 0, "it has outlived its job");
    rig.assign(1);
    assert_eq!(rig.orchestrator.end().await.phase(), Phase::Done);
    rig.stop().await;
}

#[tokio::test]
async fn a_container_that_is_stopped_by_its_own_program_is_killed_all_the_same() {
    let mark = mark("frozen");
    let attack = format!("sh -c 'while :; do sleep 1; done' {mark} & kill -STOP -1; wait");
    let mut spec = spec(&attack);
    spec.limits.task_seconds = LIMIT;
    let Some((code, _)) = failure_of(spec).await else { return };
    assert_eq!(code, "timed-out");
    assert_eq!(running(&mark), 0);
}
