//! Uploads that began before their hash was known. Each belongs to the key that began it, and to nobody else.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use millrace_protocol::Address;
use millrace_spec::Sha256;

/// How many uploads without a hash a key may have under way: a rig of sixteen leases with six files each.
pub(super) const PER_KEY: usize = 96;
/// How long an upload may rest, with or without a hash, before what is here of it is deleted. Longer than any
/// outage that a worker waits for.
const ABANDONED: Duration = Duration::from_secs(24 * 3_600);

/// What names an upload without a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StagedId {
    /// Who began it.
    pub owner: Address,
    /// Of the owner's choice.
    pub id: Sha256,
}

impl StagedId {
    /// Where its bytes lie.
    pub fn path(self, staged: &Path) -> PathBuf {
        self.folder(staged).join(self.id.to_string())
    }

    fn folder(self, staged: &Path) -> PathBuf {
        staged.join(self.owner.to_string())
    }

    /// Makes room for one more. False when the owner has too many already. One call at a time.
    pub fn admit(self, staged: &Path) -> io::Result<bool> {
        std::fs::create_dir_all(self.folder(staged))?;
        let path = self.path(staged);
        if !path.exists() {
            if std::fs::read_dir(self.folder(staged))?.count() >= PER_KEY {
                return Ok(false);
            }
            std::fs::File::create(path)?;
        }
        Ok(true)
    }
}

/// Deletes uploads that nobody goes on with, below `folder`. Not while one is admitted.
///
/// # Errors
/// Those of the file system.
pub(super) fn sweep(folder: &Path, now: SystemTime) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // It may have been completed meanwhile.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            sweep(&entry.path(), now)?;
            // Only if nothing is left in it.
            let _ = std::fs::remove_dir(entry.path());
            continue;
        }
        let rested = now.duration_since(metadata.modified()?).unwrap_or_default();
        if rested > ABANDONED {
            match std::fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}
