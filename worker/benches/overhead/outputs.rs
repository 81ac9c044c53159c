use std::path::PathBuf;
use std::time::{Duration, Instant};

use millrace_agent::TaskKey;
use millrace_link::grpc::Phase;

use crate::disk::{Disk, copy, forget};
use crate::support::offer;
use crate::support::rig::Rig;
use crate::{engine, median, rate};

const ROUNDS: u32 = 5;
const MIB: usize = 1024 * 1024;

/// From the end of the container until all is stored.
pub async fn section() {
    println!("### Outputs\n");
    println!(
        "From the container's end until the orchestrator's own object endpoint has answered for the last file: read and \
         hashed by the worker, sent over HTTP, hashed again there, written, synced and renamed, with both ends on this \
         machine and its one disk. The baseline, by turns with it, reads the same files and writes and syncs copies, one \
         after the other, 1 MiB at a time. Both find the page cache without the files, and both end when the disk has \
         every byte. A file of more than one piece (8 MiB) is sent while it is hashed; of many files six are under way \
         at once. Median of {ROUNDS}.\n"
    );
    println!("| | worker | copy (baseline) | share of it | target |\n|---|--:|--:|--:|--:|");
    measure("one file of 256 MiB", 1, 256 * MIB).await;
    measure("64 files of 4 MiB", 64, 4 * MIB).await;
    println!();
}

async fn measure(name: &str, count: usize, size: usize) {
    let disk_folder = tempfile::tempdir().expect("a folder");
    let copies = tempfile::tempdir().expect("a folder");
    let disk = Disk::serve(disk_folder.path()).await;
    let mut spec = offer::spec("until [ -e /inputs/go ]; do sleep 0.1; done");
    spec.limits.disk_mib = 512;
    spec.tasks = ROUNDS;
    let mut rig = Rig::start_storing_at(disk.url.clone(), engine().await, spec).await;
    rig.leased().await;
    let (mut worker, mut copied) = (vec![], vec![]);
    for round in 0..ROUNDS {
        rig.assign(round);
        rig.orchestrator.phase(Phase::Running).await;
        let key = TaskKey { lease: rig.lease(), task: round, attempt: 1 };
        let task = rig.data().join(format!("tasks/{key}"));
        let files: Vec<PathBuf> = (0..count).map(|number| task.join(format!("outputs/{number:02}"))).collect();
        for (number, file) in files.iter().enumerate() {
            std::fs::write(file, content(round as usize * count + number, size)).expect("room on disk");
            forget(file);
        }
        copied.push(copy(&files, copies.path()));
        files.iter().for_each(|file| forget(file));
        std::fs::write(task.join("inputs/go"), "").expect("room on disk");
        worker.push(upload(&mut rig, &disk).await);
        rig.acknowledge(round);
        disk.clear();
    }
    rig.end_lease();
    rig.lease_report().await;
    rig.stop().await;
    let bytes = count * size;
    let (worker, copied) = (rate(bytes, median(worker)), rate(bytes, median(copied)));
    println!("| {name} | {worker:.0} MB/s | {copied:.0} MB/s | {:.0} % | 80 % |", worker / copied * 100.0);
}

async fn upload(rig: &mut Rig, disk: &Disk) -> Duration {
    rig.orchestrator.phase(Phase::Uploading).await;
    let began = Instant::now();
    let end = rig.orchestrator.end_within(Duration::from_secs(300)).await;
    assert_eq!(end.phase(), Phase::Done, "{:?}", end.failure);
    disk.answered() - began
}

/// No two alike, and nothing a disk could make smaller.
fn content(seed: usize, size: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let words = (0..size / 8).flat_map(|_| {
        // Marsaglia's xorshift (2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}
