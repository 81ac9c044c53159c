//! What containers wrote: one file per task and attempt. A piece names its offset, so a repeated
//! one changes nothing.

use std::collections::HashSet;
use std::io::SeekFrom;
use std::path::PathBuf;

use millrace_protocol::Address;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::disk;

/// The most one task may log in bytes; what comes later is dropped.
const MAXIMUM: u64 = 256 * 1024 * 1024;
/// The most read at once.
const PAGE: u64 = 4 * 1024 * 1024;

/// Which log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    pub job: Address,
    /// Tells apart the jobs that have one address one after the other.
    pub opened_slot: u64,
    pub task: u32,
    pub attempt: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Logs {
    folder: PathBuf,
    /// Bytes left free on the disk.
    reserve: u64,
}

impl Logs {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, reserve: disk::RESERVE }
    }

    /// Stores a piece and returns up to where the log is stored now. A piece that would leave a
    /// gap is not taken: the answer tells the worker where to go on.
    ///
    /// # Errors
    /// Those of the file system.
    pub async fn append(&self, log: Log, offset: u64, data: &[u8]) -> std::io::Result<u64> {
        let path = self.path(log);
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        let mut file = tokio::fs::File::options().create(true).append(true).open(path).await?;
        let stored = file.metadata().await?.len();
        let end = offset.saturating_add(data.len() as u64);
        if offset > stored {
            return Ok(stored);
        }
        if stored >= MAXIMUM {
            return Ok(end.max(stored));
        }
        let known = usize::try_from(stored - offset).unwrap_or(usize::MAX);
        if let Some(rest) = data.get(known..) {
            disk::check(&self.folder, rest.len() as u64, self.reserve)?;
            file.write_all(rest).await?;
            file.flush().await?;
        }
        Ok(stored.max(end))
    }

    /// A piece of a log from `from` on; empty at its end, or where there is none.
    ///
    /// # Errors
    /// Those of the file system.
    pub async fn read(&self, log: Log, from: u64) -> std::io::Result<Vec<u8>> {
        let mut file = match tokio::fs::File::open(self.path(log)).await {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(from)).await?;
        let mut piece = Vec::new();
        file.take(PAGE).read_to_end(&mut piece).await?;
        Ok(piece)
    }

    /// Deletes all logs of a job.
    ///
    /// # Errors
    /// Those of the file system.
    pub async fn forget(&self, (job, opened_slot): (Address, u64)) -> std::io::Result<()> {
        match tokio::fs::remove_dir_all(self.folder.join(folder_of(job, opened_slot))).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Jobs, with the slots they were opened in, that have logs here and are none of these.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn strays(&self, known: &HashSet<(Address, u64)>) -> std::io::Result<Vec<(Address, u64)>> {
        let folders = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            folders => folders?,
        };
        let names = folders.map(|folder| Ok(folder?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
        let jobs = names.iter().filter_map(|name| job_of(name.to_str()?));
        Ok(jobs.filter(|job| !known.contains(job)).collect())
    }

    fn path(&self, log: Log) -> PathBuf {
        let Log { job, opened_slot, task, attempt } = log;
        self.folder.join(folder_of(job, opened_slot)).join(format!("{task}-{attempt}.log"))
    }
}

fn folder_of(job: Address, opened_slot: u64) -> String {
    format!("{job}-{opened_slot}")
}

/// Whose folder has this name.
fn job_of(name: &str) -> Option<(Address, u64)> {
    let (job, opened_slot) = name.split_once('-')?;
    Some((job.parse().ok()?, opened_slot.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(attempt: u32) -> Log {
        Log { job: Address([1; 32]), opened_slot: 5, task: 0, attempt }
    }

    #[tokio::test]
    async fn repeated_and_overlapping_pieces_are_stored_once() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::new(folder.path().to_owned());
        assert_eq!(logs.append(log(1), 0, b"hello ").await.unwrap(), 6);
        assert_eq!(logs.append(log(1), 0, b"hello ").await.unwrap(), 6);
        assert_eq!(logs.append(log(1), 3, b"lo world").await.unwrap(), 11);
        assert_eq!(logs.read(log(1), 0).await.unwrap(), b"hello world");
        assert_eq!(logs.read(log(1), 6).await.unwrap(), b"world");
        assert_eq!(logs.read(log(1), 11).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_full_disk_takes_no_more_and_forgets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::new(folder.path().to_owned());
        logs.append(log(1), 0, b"first").await.unwrap();
        let full = Logs { reserve: u64::MAX, ..logs.clone() };
        let refused = full.append(log(1), 5, b" second").await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
        assert_eq!(logs.read(log(1), 0).await.unwrap(), b"first");
    }

    #[tokio::test]
    async fn a_forgotten_jobs_logs_are_gone_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::new(folder.path().join("logs"));
        assert_eq!(logs.strays(&HashSet::new()).unwrap(), [], "there is no folder yet");
        let later = Log { opened_slot: 6, ..log(1) };
        for log in [log(1), log(2), later] {
            logs.append(log, 0, b"hello").await.unwrap();
        }
        let (earlier, later_one) = ((later.job, 5), (later.job, 6));
        assert_eq!(logs.strays(&HashSet::from([later_one])).unwrap(), [earlier]);
        assert_eq!(logs.strays(&HashSet::from([earlier, later_one])).unwrap(), []);
        logs.forget(earlier).await.unwrap();
        logs.forget(earlier).await.unwrap();
        assert_eq!(logs.read(log(1), 0).await.unwrap(), b"");
        assert_eq!(logs.read(log(2), 0).await.unwrap(), b"");
        assert_eq!(logs.read(later, 0).await.unwrap(), b"hello");
        assert_eq!(logs.strays(&HashSet::new()).unwrap(), [later_one]);
    }

    #[tokio::test]
    async fn a_gap_is_not_stored_and_attempts_are_apart() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::new(folder.path().to_owned());
        assert_eq!(logs.append(log(1), 5, b"late").await.unwrap(), 0);
        assert_eq!(logs.read(log(1), 0).await.unwrap(), b"");
        logs.append(log(2), 0, b"second").await.unwrap();
        assert_eq!(logs.read(log(1), 0).await.unwrap(), b"");
        assert_eq!(logs.read(log(2), 0).await.unwrap(), b"second");
        // Another job under the same address.
        let later = Log { opened_slot: 6, ..log(2) };
        assert_eq!(logs.read(later, 0).await.unwrap(), b"");
    }
}
