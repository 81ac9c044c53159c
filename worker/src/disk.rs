//! Room on the disk that holds the worker's data.

use std::io;
use std::path::Path;

use millrace_agent::{Assignment, Cause, Failure};

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
    let free = free_bytes(path).ok()?;
    (free < reserve / 2).then(|| Failure::new(Cause::DiskFull, format!("{} MiB are free", free / 1_048_576)))
}

/// Checks before anything is fetched that a task fits, its outputs included, with `reserve` left.
pub(crate) fn check(path: &Path, assignment: &Assignment, reserve: u64) -> Result<(), Failure> {
    let free = free_bytes(path).map_err(|error| Failure::new(Cause::DiskFull, error.to_string()))?;
    // Encrypted inputs lie there as they came, too.
    let copies = if assignment.has_encrypted_inputs() { 2 } else { 1 };
    let needed =
        assignment.input_bytes().saturating_mul(copies).max(assignment.limits.output_bytes).saturating_add(reserve);
    if free < needed {
        let mib = |bytes: u64| bytes / 1_048_576;
        let detail = format!("{} MiB are free, the task needs {} MiB", mib(free), mib(needed));
        return Err(Failure::new(Cause::DiskFull, detail));
    }
    Ok(())
}
