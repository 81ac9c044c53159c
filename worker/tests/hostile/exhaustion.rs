//! Programs that want all of the rig: processes, memory, disk, log, time.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::*;
use crate::support::small_disk::SmallDisk;

/// Ends when asked to, so that no test waits for SIGKILL that is not about it.
const POLITE: &str = "trap 'exit 0' TERM";

fn seconds(task_seconds: u64, attack: &str) -> JobSpec {
    let mut spec = spec(attack);
    spec.limits.task_seconds = task_seconds;
    spec
}

#[tokio::test]
async fn a_fork_bomb() {
    let attack = format!("{POLITE}; bomb() {{ bomb | bomb & }}; (bomb) 2>/dev/null & while :; do :; done");
    let Some((code, _)) = failure_of(seconds(LIMIT, &attack)).await else { return };
    assert_eq!(code, "timed-out");
}

#[tokio::test]
async fn more_processes_than_the_limit_do_not_come_to_be() {
    // The outer shell counts without another process, once the inner one cannot fork any more.
    let attack = format!(
        "{POLITE}; (for i in $(seq 200); do sleep 5 & done) 2>/dev/null
         set -- /proc/[0-9]*; echo $# > /outputs/report; exit 0"
    );
    let Some(mut rig) = rig(spec(&attack)).await else { return };
    let count = report_of(&mut rig).await;
    assert!((24..=32).contains(&count.trim().parse::<u32>().unwrap()), "{count} processes");
}

#[tokio::test]
async fn a_memory_bomb() {
    // Without a line break there is nothing `tail` could forget.
    let Some((code, _)) = failure_of(spec("exec tail /dev/zero")).await else { return };
    assert_eq!(code, "out-of-memory");
}

#[tokio::test]
async fn memory_hidden_in_files_counts() {
    let Some((code, _)) = failure_of(spec("exec dd if=/dev/zero of=/tmp/hoard bs=1M")).await else { return };
    assert_eq!(code, "out-of-memory");
}

#[tokio::test]
async fn shared_memory_is_bounded() {
    let attack = "dd if=/dev/zero of=/dev/shm/hoard bs=1M 2>/dev/null; du -m /dev/shm/hoard > /outputs/report";
    let mut spec = spec(attack);
    spec.limits.memory_mib = 192;
    let Some(mut rig) = rig(spec).await else { return };
    let report = report_of(&mut rig).await;
    assert!(report.starts_with("96\t"), "half of its memory: {report}");
}

#[tokio::test]
async fn a_disk_filler() {
    let attack = "trap '' TERM; for i in 1 2 3 4 5 6 7 8; do head -c 8m /dev/zero > /outputs/$i; sleep 1; done";
    let Some((code, cause)) = failure_of(spec(attack)).await else { return };
    assert_eq!(code, "output-invalid");
    assert!(cause.contains("more than 16777216 bytes"), "{cause}");
}

#[tokio::test]
async fn a_disk_filler_of_empty_files() {
    let attack = "cd /outputs; while :; do for i in $(seq 1000); do : > $i-$n; done; n=x$n; done";
    let Some((code, cause)) = failure_of(spec(attack)).await else { return };
    assert_eq!(code, "output-invalid");
    assert!(cause.contains("more than 10000 files"), "{cause}");
}

/// A file in no folder that grows under the watch; more than the job may have, but no more than the disk has.
async fn hoard(way: &str) {
    let Some((code, cause)) = failure_of(seconds(60, &format!("exec hoard {way}"))).await else { return };
    assert_eq!(code, "output-invalid", "{cause}");
    let said = "more than 16777216 bytes, with files that were removed and are still in use";
    assert!(cause.contains(said), "{cause}");
}

#[tokio::test]
async fn a_disk_filler_whose_file_is_removed_and_open() {
    hoard("open").await;
}

#[tokio::test]
async fn a_disk_filler_whose_file_is_removed_and_only_mapped() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("SKIPPED: what a process has mapped is shown to root alone");
        return;
    }
    hoard("mapped").await;
}

#[tokio::test]
async fn a_disk_filler_whose_file_is_removed_and_open_in_one_thread_alone() {
    hoard("thread").await;
}

/// What writes nothing while there is no room.
const UNDISTURBED: &str = "sleep 8; echo fine > /outputs/report";

/// Faster than anybody looks at what it has, and with more than the disk has: what fills the disk answers for it, not the
/// rig, and not another lease that keeps to its own limit.
async fn fill_the_disk(attack: &str, honest: &str, expected: Option<&str>) {
    let Some(engine) = engine().await else { return };
    let mounted = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::of(mounted.path(), "40m") else {
        eprintln!("SKIPPED: this user may not mount a tmpfs");
        return;
    };
    let folder = || tempfile::tempdir_in(mounted.path()).unwrap();
    let mut other = Rig::start_in(folder(), engine.clone(), Objects::default(), spec(honest), |_| {}).await;
    let mut attacker = Rig::start_in(folder(), engine, Objects::default(), spec(attack), |_| {}).await;
    for rig in [&mut other, &mut attacker] {
        rig.leased().await;
        rig.assign(0);
        rig.orchestrator.phase(Phase::Running).await;
    }
    let failure = attacker.orchestrator.end().await.failure.expect("the attack should fail");
    assert_eq!((failure.code.as_str(), failure.fault()), ("output-invalid", Fault::Job), "{failure:?}");
    let end = other.orchestrator.end().await.failure.map(|failure| (failure.code.clone(), failure.fault()));
    assert_eq!(end, expected.map(|code| (code.to_owned(), Fault::Node)));
    for rig in [&mut other, &mut attacker] {
        aftermath(rig).await;
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_disk_filler_that_takes_all_of_the_disk_at_once() {
    fill_the_disk("trap '' TERM; cat /dev/zero > /outputs/hoard; sleep 60", UNDISTURBED, None).await;
}

#[tokio::test]
async fn a_disk_filler_that_fails_once_the_disk_is_full() {
    fill_the_disk("cat /dev/zero > /outputs/hoard", UNDISTURBED, None).await;
}

#[tokio::test]
async fn a_disk_filler_that_removes_the_file_it_writes_at_once() {
    let attack = "trap '' TERM; exec 3> /outputs/hoard; rm /outputs/hoard; cat /dev/zero >&3; sleep 60";
    fill_the_disk(attack, UNDISTURBED, None).await;
}

#[tokio::test]
async fn a_neighbour_that_fails_after_a_disk_filler_is_gone() {
    let attack = "trap '' TERM; cat /dev/zero > /outputs/hoard; sleep 60";
    let honest = "while head -c 64k /dev/zero >> /outputs/part; do sleep 0.1; done; sleep 4; exit 1";
    fill_the_disk(attack, honest, Some("disk-full")).await;
}

#[tokio::test]
async fn the_images_own_files_and_all_else_are_read_only() {
    let attack = "
        for place in / /bin /etc /evil /inputs /proc /proc/sys /sys /sys/fs/cgroup /dev /var /root /home; do
            (echo x > $place/hoard) 2>/dev/null && echo wrote $place
        done > /outputs/report
        (echo x >> /bin/busybox) 2>/dev/null && echo changed busybox >> /outputs/report
        for place in /tmp /dev/shm /outputs; do echo x > $place/hoard || echo kept out of $place; done >> /outputs/report";
    let Some(mut rig) = rig(spec(attack)).await else { return };
    let report = report_of(&mut rig).await;
    // Docker's /dev is a tmpfs of 64 MiB, which counts as the container's memory; only root may write there.
    assert_eq!(report, "");
}

#[tokio::test]
async fn a_log_flood_of_a_gigabyte() {
    let attack = "
        head -c 16m /dev/zero | tr '\\0' x | fold -w 4000 > /tmp/chunk
        for i in $(seq 64); do cat /tmp/chunk; done
        echo survived > /outputs/report";
    let Some(mut rig) = rig(seconds(300, attack)).await else { return };
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let end = rig.orchestrator.end_within(Duration::from_secs(300)).await;
    assert_eq!(end.phase(), Phase::Done, "{:?}", end.failure);
    let logs = std::fs::read_dir(rig.data().join("logs")).unwrap();
    let kept: Vec<_> = logs.map(|log| std::fs::read(log.unwrap().path()).unwrap()).collect();
    assert_eq!(kept.len(), 1);
    let said = b"\n[millrace: the rest of the log is left out]\n";
    assert!(kept[0].ends_with(said), "the buyer is told that it is cut");
    assert_eq!(kept[0].len(), (8 << 20) + said.len());
    rig.assign(1);
    assert_eq!(rig.orchestrator.end().await.phase(), Phase::Done);
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn a_program_without_end() {
    let Some((code, _)) = failure_of(seconds(LIMIT, &format!("{POLITE}; while :; do :; done"))).await else { return };
    assert_eq!(code, "timed-out");
}

/// Of what the kernel counts by user, over all containers, a shell can have pipe pages: each pipe takes 16 of them, and
/// whoever has no more gets pipes with two.
#[tokio::test]
async fn what_the_kernel_counts_by_user_is_not_taken_from_another_lease() {
    let attack = "
        cd /tmp; mkfifo $(seq 10 1200); n=10
        while [ $n -le 1200 ]; do eval \"exec $n<>$n\"; n=$((n+1)); done
        : > /outputs/held; while [ ! -e /outputs/over ]; do sleep 0.2; done; rm /outputs/over";
    let victim = "
        cd /tmp; mkfifo pipe; exec 3<>pipe; dd if=/dev/zero of=pipe bs=64k count=1 2>/dev/null & sleep 2
        kill -0 $! 2>/dev/null && echo small > /outputs/report || echo whole > /outputs/report; kill -9 $! 2>/dev/null";
    let pages = std::fs::read_to_string("/proc/sys/fs/pipe-user-pages-soft").unwrap_or_default();
    if pages.trim() != "16384" {
        eprintln!("SKIPPED: this machine gives a user other than 16384 pages of pipes");
        return;
    }
    let (Some(mut attacker), Some(mut other)) = (rig(spec(attack)).await, rig(spec(victim)).await) else { return };
    attacker.assign(0);
    attacker.orchestrator.phase(Phase::Running).await;
    let task = std::fs::read_dir(attacker.data().join("tasks")).unwrap().next().unwrap().unwrap();
    let outputs = task.path().join("outputs");
    if std::fs::metadata(&outputs).unwrap().uid() == std::fs::metadata("/proc/self").unwrap().uid() {
        eprintln!("SKIPPED: this user may give files to no other, so jobs run as it");
        return;
    }
    let held = async {
        while !outputs.join("held").exists() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), held).await.expect("the pages are not taken");
    assert_eq!(report_of(&mut other).await, "whole\n");
    std::fs::write(outputs.join("over"), "").unwrap();
    assert_eq!(attacker.orchestrator.end().await.phase(), Phase::Done);
    aftermath(&mut attacker).await;
    attacker.stop().await;
    other.stop().await;
}
