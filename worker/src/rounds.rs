//! What is brought away of a task while its container runs: checkpoints for its next attempt, and outputs for the buyer
//! to see before the end.
//!
//! A folder is looked at without ever following a link, and each file is held by a hard link while it is hashed and
//! sent, so the container may do what it likes meanwhile. Whatever comes of it, the task goes on.

mod checkpoint;
mod early_outputs;
mod restore;
mod snapshot;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millrace_agent::{Cause, Failure, Saved};
use millrace_link::objects::Error;
use millrace_spec::{Manifest, ManifestFile, ObjectRef};

use crate::context::Context;
use crate::outputs;

pub(crate) use checkpoint::save;
pub(crate) use early_outputs::{Known, bring_away};
pub(crate) use restore::restore;

/// What came of a round.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    /// `None` where there was nothing to bring away.
    pub saved: Option<Saved>,
    /// What was in the way of the rest.
    pub setback: Option<Failure>,
}

/// Files that are hashed and sent at once.
const AT_ONCE: usize = 4;

/// Hashed first: most of a round is often what the one before it was, and one that was broken off goes on.
async fn store(context: &Context, file: &Path) -> Result<ObjectRef, Error> {
    outputs::store(context, file, true).await
}

/// The last of a round: what makes its files one. It lies beside `folder`, not in it: what is there counts as the
/// task's own.
async fn store_manifest(context: &Context, folder: &Path, files: Vec<ManifestFile>) -> Result<Saved, Failure> {
    let manifest = Manifest { files };
    let bytes = manifest.to_bytes();
    if Manifest::from_bytes(&bytes).is_none() {
        return Err(Failure::new(Cause::OutputInvalid, "the names of its files cannot lie beside each other"));
    }
    let path = manifest_of(folder);
    fs::write(&path, bytes).map_err(|error| failed(&error))?;
    Ok(Saved {
        manifest: store(context, &path).await.map_err(|error| not_stored("manifest", &error))?,
        files: u32::try_from(manifest.files.len()).unwrap_or(u32::MAX),
        bytes: manifest.bytes(),
    })
}

fn manifest_of(folder: &Path) -> PathBuf {
    folder.with_extension("manifest")
}

fn not_stored(name: &str, error: &Error) -> Failure {
    Failure::new(Cause::UploadFailed, format!("{name}: {error}"))
}

fn failed(error: &io::Error) -> Failure {
    let cause = if error.kind() == io::ErrorKind::StorageFull { Cause::DiskFull } else { Cause::UploadFailed };
    Failure::new(cause, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_lies_in_no_folder_whose_files_are_counted() {
        let folders = [Path::new("/tasks/1/saving"), Path::new("/tasks/1/early")];
        let manifests = folders.map(manifest_of);
        assert_ne!(manifests[0], manifests[1], "both kinds of rounds may be under way");
        for manifest in manifests {
            assert!(!folders.iter().any(|folder| manifest.starts_with(folder)), "{}", manifest.display());
        }
    }
}
