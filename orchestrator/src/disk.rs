//! Room on the disk. The journal shares it with what strangers send, and an orchestrator that cannot
//! write its journal must stop, so what strangers send stops first.

use std::io;
use std::path::Path;

/// Bytes kept free for the journal: years of it.
pub(crate) const RESERVE: u64 = 256 * 1024 * 1024;

/// Refuses `bytes` more on the file system of `path` where less than `reserve` would be left.
///
/// # Errors
/// [`io::ErrorKind::StorageFull`]; those of `statvfs`.
pub(crate) fn check(path: &Path, bytes: u64, reserve: u64) -> io::Result<()> {
    if free(path)? < bytes.saturating_add(reserve) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

/// Bytes that may still be written on the file system of `path`.
///
/// # Errors
/// Those of `statvfs`.
pub(crate) fn free(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
