//! Room on the disk that holds the worker's data.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use millrace_agent::{Agent, Assignment, Cause, Failure, Lease, Task, TaskKey};
use millrace_protocol::Address;
use tokio::time::Instant;

use crate::folders::Folders;
use crate::outputs;

const MIB: u64 = 1_048_576;
/// How long after a write has failed for want of room a program may yet end because of it.
const AFTERMATH: Duration = Duration::from_secs(60);

/// Bytes that this process may still write to the file system of `path`.
///
/// # Errors
/// Those of `statvfs`.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Says so when half of the reserve is gone: time to stop what fills the disk, or the reason why
/// a container failed.
pub(crate) fn exhausted(path: &Path, reserve: u64) -> Option<Failure> {
    below(path, reserve / 2)
}

/// When a task that runs saw the disk without room: by its end whoever has filled it may be gone.
#[derive(Debug, Default)]
pub(crate) struct Shortage(Mutex<Option<Instant>>);

impl Shortage {
    pub fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether it is so short ago that a program which fails may have failed for that.
    pub fn is_recent(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|seen| seen.elapsed() < AFTERMATH)
    }
}

/// Says so when the reserve is touched: time to bring no more, and to break off what is being brought. What runs has
/// the time until [`exhausted`] for that to be removed.
pub(crate) fn touched(path: &Path, reserve: u64) -> Option<Failure> {
    below(path, reserve)
}

fn below(path: &Path, least: u64) -> Option<Failure> {
    let free = free_bytes(path).ok()?;
    (free < least).then(|| Failure::new(Cause::DiskFull, format!("{} MiB are free", free / MIB)))
}

/// MiB for further leases: what is free, and what live ones have written of what was promised to them, which
/// [`millrace_agent::policy`] takes off again as a whole. Strangers' programs decide how many files that are, so nobody
/// who has anything else to do should count them.
pub(crate) async fn for_leases(folders: Folders, promises: Vec<Promise>) -> u64 {
    let count = move || {
        let written = promises.iter().fold(0u64, |sum, promise| sum.saturating_add(promise.written(&folders)));
        free_bytes(folders.root()).unwrap_or(0).saturating_add(written) / MIB
    };
    tokio::task::spawn_blocking(count).await.unwrap_or(0)
}

/// What one live lease may have on the disk.
pub(crate) struct Promise {
    bytes: u64,
    /// Those that have not ended.
    tasks: Vec<TaskKey>,
}

impl Promise {
    /// Inputs that several leases share count for each: none of them has to bring them once more.
    fn written(&self, folders: &Folders) -> u64 {
        let lies: Vec<PathBuf> = self.tasks.iter().map(|key| folders.task(*key)).collect();
        outputs::bytes_in(&lies).min(self.bytes)
    }
}

pub(crate) fn promises(agent: &Agent) -> Vec<Promise> {
    let promise = move |(address, lease): (Address, &Lease)| Promise {
        bytes: lease.terms.disk_mib.saturating_mul(MIB),
        tasks: agent.unfinished(address).map(Task::key).collect(),
    };
    agent.live_leases().map(promise).collect()
}

/// Checks before anything is fetched that a task fits, its outputs included, with `reserve` left.
pub(crate) fn check(folders: &Folders, assignment: &Assignment, reserve: u64) -> Result<(), Failure> {
    let free = free_bytes(folders.root()).map_err(|error| Failure::new(Cause::DiskFull, error.to_string()))?;
    let missing = assignment.inputs.iter().filter(|input| !folders.cached(input.object.sha256).exists());
    let missing = missing.fold(0u64, |sum, input| sum.saturating_add(input.object.size));
    // Encrypted inputs lie there as they came, too.
    let copies = if assignment.has_encrypted_inputs() { assignment.input_bytes() } else { 0 };
    let needed = [missing, copies, assignment.limits.output_bytes, reserve].into_iter().fold(0, u64::saturating_add);
    if free < needed {
        let mib = |bytes: u64| bytes / MIB;
        let detail = format!("{} MiB are free, the task needs {} MiB", mib(free), mib(needed));
        return Err(Failure::new(Cause::DiskFull, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use millrace_agent::{Input, Limits};
    use millrace_protocol::Seconds;
    use millrace_spec::{ObjectRef, Sha256};

    use super::*;

    fn key(lease: u8) -> TaskKey {
        TaskKey { lease: Address([lease; 32]), task: 0, attempt: 1 }
    }

    fn assignment(inputs: u64, output_bytes: u64) -> Assignment {
        Assignment {
            key: key(1),
            job: Address([2; 32]),
            task_count: 1,
            image: "probe:1".into(),
            command: vec![],
            environment: vec![],
            inputs: vec![Input { path: "scene".into(), object: ObjectRef { sha256: Sha256([3; 32]), size: inputs } }],
            limits: Limits {
                cpu_millis: 1,
                memory_mib: 1,
                pids: 1,
                time: Seconds(1),
                network: false,
                output_files: 1,
                output_bytes,
            },
            finish_on_notice: false,
            checkpoint: None,
            outputs_every: None,
            gpus: 0,
            egress: vec![],
            runtime: None,
            peers: vec![],
            sealed: None,
        }
    }

    #[test]
    fn a_task_needs_room_for_its_inputs_and_its_outputs() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        let half = free_bytes(folder.path()).unwrap() / 2;
        // More than anybody else on the machine frees or takes meanwhile.
        let more = half + half / 4;
        let fits = |inputs, outputs, reserve| check(&folders, &assignment(inputs, outputs), reserve).is_ok();
        assert!(fits(half / 2, half / 2, half / 2));
        for (inputs, outputs, reserve) in [(more, more, 0), (more, 0, more), (0, more, more), (u64::MAX, u64::MAX, 1)] {
            assert!(!fits(inputs, outputs, reserve), "{inputs} {outputs} {reserve}");
        }
        std::fs::write(folders.cached(Sha256([3; 32])), "").unwrap();
        assert!(fits(more, more, 0), "what is there already needs no room");
    }

    #[test]
    fn what_a_lease_has_written_counts_up_to_its_promise() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        let outputs = folders.task(key(1)).join("outputs/deep");
        std::fs::create_dir_all(&outputs).unwrap();
        std::fs::write(outputs.join("frame"), vec![1; 1 << 20]).unwrap();
        let written = |bytes| Promise { bytes, tasks: vec![key(1), key(2)] }.written(&folders);
        let all = written(u64::MAX);
        assert!((1 << 20..2 << 20).contains(&all), "{all}");
        assert_eq!(written(10), 10, "what it has above its promise is nobody's room");
    }
}
