//! Programs that do something to their outputs while these are being uploaded, before their end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use millrace_protocol::Seconds;
use millrace_spec::{EarlyOutputs, Sealed};

use super::*;

/// Lies still until two looks have found it the same, and is attacked while its upload gets no answer.
const VICTIM: &str = "cd /outputs; head -c 7000000 /dev/zero > victim; until [ -e /inputs/go ]; do sleep 0.1; done";

/// How a program ends that does `attack` while its `victim` is on the way.
async fn during_the_upload(attack: &str) -> Option<(Rig, TaskUpdate)> {
    let mut spec = spec(&format!("{VICTIM}; {attack}"));
    spec.outputs = Some(EarlyOutputs { every: Seconds(10) });
    let mut rig = rig(spec).await?;
    rig.objects.hold(1, false);
    rig.assign(0);
    while !rig.objects.is_holding() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    rig.go(0);
    let end = rig.orchestrator.end().await;
    let passwd = std::fs::read("/etc/passwd").unwrap();
    assert_eq!(rig.objects.get(&millrace_spec::sha256(&passwd).0), None, "a file of the rig has left it");
    aftermath(&mut rig).await;
    Some((rig, end))
}

#[tokio::test]
async fn a_file_that_is_changed_or_truncated_while_it_is_uploaded() {
    for (attack, size) in
        [("echo changed > victim", 8), ("truncate -s 100 victim", 100), ("rm victim; touch victim", 0)]
    {
        let Some((mut rig, end)) = during_the_upload(attack).await else { return };
        assert_eq!(end.phase(), Phase::Done, "{attack}: {:?}", end.failure);
        assert_eq!(end.outputs[0].size, size, "{attack}: the result is what is there at the end");
        let stored = rig.objects.get(&end.outputs[0].sha256).expect("it was uploaded anew");
        assert_eq!(stored.len() as u64, size);
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_file_that_is_swapped_for_a_link_while_it_is_uploaded() {
    let Some((mut rig, end)) = during_the_upload("rm victim; ln -s /etc/passwd victim").await else { return };
    assert_eq!(end.failure.unwrap().code, "output-invalid");
    rig.stop().await;
}

/// Only one of the two is in the folder, and both take room.
#[tokio::test]
async fn a_hoarder_that_removes_what_is_on_its_way() {
    let attack = "rm victim; head -c 10000000 /dev/zero > another; while :; do sleep 0.1; done";
    let Some((mut rig, end)) = during_the_upload(attack).await else { return };
    let failure = end.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("output-invalid", Fault::Job), "{failure:?}");
    assert!(failure.cause.contains("more than 16777216 bytes"), "{failure:?}");
    rig.stop().await;
}

/// So fast that looks fall between its steps.
#[tokio::test]
async fn a_folder_that_is_swapped_for_a_link_again_and_again() {
    let attack =
        "cd /outputs; (while :; do mkdir d; echo x > d/passwd; rm -r d; ln -s /etc d; rm d; done) 2>/dev/null &
        swapper=$!; sleep 25; kill $swapper; wait; rm -rf d; echo survived > report";
    let mut spec = spec(attack);
    spec.outputs = Some(EarlyOutputs { every: Seconds(10) });
    let Some(mut rig) = rig(spec).await else { return };
    assert_eq!(report_of(&mut rig).await, "survived\n");
    let passwd = std::fs::read("/etc/passwd").unwrap();
    assert_eq!(rig.objects.get(&millrace_spec::sha256(&passwd).0), None, "a file of the rig has left it");
    rig.stop().await;
}

/// Under two names a file is on its way: then it becomes a tebibyte that takes no room, again and again.
const GROWER: &str = "cd /outputs; for n in 0 1 2 3 4 5 6 7; do head -c 1500000 /dev/zero > $n; done
    end=$(($(date +%s) + 25))
    while [ $(date +%s) -lt $end ]; do find . -type f -links 2 -exec truncate -s 1024G {} +; done; truncate -s 1024G 0";

/// Files of a folder that this process has open, also those that are removed.
fn open_below(folder: &Path) -> Vec<PathBuf> {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten().filter_map(|entry| entry.path().read_link().ok());
    open.filter(|path| path.starts_with(folder)).collect()
}

/// What is read and encrypted of it ends with its task: nothing that takes the disk or the rig's time is left.
#[tokio::test]
async fn a_file_that_grows_without_end_once_it_is_on_its_way() {
    for to in [None, Some("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".to_owned())] {
        let mut spec = spec(GROWER);
        spec.outputs = Some(EarlyOutputs { every: Seconds(10) });
        spec.sealed = to.map(|to| Sealed { outputs: Some(to), ..Sealed::default() });
        let Some(mut rig) = rig(spec).await else { return };
        rig.assign(0);
        let failure = rig.orchestrator.end().await.failure.expect("such outputs should be refused");
        assert_eq!((failure.code.as_str(), failure.fault()), ("output-invalid", Fault::Job), "{failure:?}");
        assert!(rig.is_clean().await, "something of the attack is left");
        let (tasks, ended) = (rig.data().join("tasks"), Instant::now());
        while !open_below(&tasks).is_empty() {
            assert!(ended.elapsed() < Duration::from_secs(10), "it goes on: {:?}", open_below(&tasks));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        rig.assign(1);
        assert_eq!(rig.orchestrator.end().await.phase(), Phase::Done, "the next task");
        rig.stop().await;
    }
}
