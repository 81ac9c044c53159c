use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::Router;
use millrace_agent::TaskKey;
use millrace_link::grpc::Phase;

use crate::disk::{copy, forget};
use crate::endpoint::{Endpoint, clear, receiving, storing};
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
         machine, its processor and its one disk. *The rig's part* is the same with an endpoint that receives every byte \
         and keeps none, as if the orchestrator hashed and wrote on a machine of its own. The baseline, by turns with \
         each, reads the same files and writes and syncs copies, one after the other, 1 MiB at a time. All find the page \
         cache without the files, and what writes ends when the disk has every byte. A file of more than one piece \
         (8 MiB) is sent while it is hashed; of many files six are under way at once. Median of {ROUNDS}.\n"
    );
    println!("| | sent | copy (baseline) | share of it | target |\n|---|--:|--:|--:|--:|");
    for (name, count, size) in [("one file of 256 MiB", 1, 256 * MIB), ("64 files of 4 MiB", 64, 4 * MIB)] {
        let store = tempfile::tempdir().expect("a folder");
        measure(name, (count, size), storing(store.path()), || clear(store.path())).await;
        measure(&format!("{name}, the rig's part"), (count, size), receiving(), || ()).await;
    }
    println!();
}

async fn measure(name: &str, (count, size): (usize, usize), routes: Router, clear: impl Fn()) {
    let copies = tempfile::tempdir().expect("a folder");
    let endpoint = Endpoint::serve(routes).await;
    let mut spec = offer::spec("until [ -e /inputs/go ]; do sleep 0.1; done");
    spec.limits.disk_mib = 512;
    spec.tasks = ROUNDS;
    let mut rig = Rig::start_storing_at(endpoint.url.clone(), engine().await, spec).await;
    rig.leased().await;
    let (mut sent, mut copied) = (vec![], vec![]);
    for round in 0..ROUNDS {
        rig.assign(round);
        rig.orchestrator.phase(Phase::Running).await;
        let key = TaskKey { lease: rig.lease(), task: round, attempt: 1 };
        let task = rig.data().join(format!("tasks/{key}"));
        let files = write(&task.join("outputs"), round as usize, (count, size));
        copied.push(copy(&files, copies.path()));
        files.iter().for_each(|file| forget(file));
        std::fs::write(task.join("inputs/go"), "").expect("room on disk");
        sent.push(upload(&mut rig, &endpoint).await);
        rig.acknowledge(round);
        clear();
    }
    rig.end_lease();
    rig.lease_report().await;
    rig.stop().await;
    let bytes = count * size;
    let (sent, copied) = (rate(bytes, median(sent)), rate(bytes, median(copied)));
    println!("| {name} | {sent:.0} MB/s | {copied:.0} MB/s | {:.0} % | 80 % |", sent / copied * 100.0);
}

/// Files that no round before had, on the disk and not in memory.
fn write(folder: &Path, round: usize, (count, size): (usize, usize)) -> Vec<PathBuf> {
    let files: Vec<PathBuf> = (0..count).map(|number| folder.join(format!("{number:02}"))).collect();
    for (number, file) in files.iter().enumerate() {
        std::fs::write(file, content(round * count + number, size)).expect("room on disk");
        forget(file);
    }
    files
}

async fn upload(rig: &mut Rig, endpoint: &Endpoint) -> Duration {
    rig.orchestrator.phase(Phase::Uploading).await;
    let began = Instant::now();
    let end = rig.orchestrator.end_within(Duration::from_secs(300)).await;
    assert_eq!(end.phase(), Phase::Done, "{:?}", end.failure);
    endpoint.answered() - began
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
