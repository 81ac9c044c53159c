//! What a task keeps for its next attempt: brought away while its container runs and when it has been stopped, and
//! laid out again before the next one starts, on whichever rig.
//!
//! What counts is whole: a file or folder whose name ends in `.partial` is not there, so whoever writes under such a
//! name and then renames is never seen half-way. Everything else that is there at one moment is the checkpoint. It is
//! held by hard links while it is sent, so the container may go on to the next one meanwhile.

mod restore;
mod snapshot;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use millrace_agent::{Assignment, Cause, Failure, Saved};
use millrace_spec::{Manifest, ManifestFile, ObjectRef};

use crate::context::Context;
use crate::outputs;

pub(crate) use restore::restore;
use snapshot::Taken;

/// Files that are hashed and sent at once.
const AT_ONCE: usize = 4;

/// Brings what lies whole in the task's checkpoint folder away. `None` where there is nothing: that is no checkpoint,
/// and does not take the place of an earlier one.
///
/// # Errors
/// A [`Failure`] that says what was in the way; the task goes on.
pub(crate) async fn save(context: &Context, assignment: &Assignment) -> Result<Option<Saved>, Failure> {
    let folders = &context.folders;
    let saving = folders.prepare_saving(assignment.key).map_err(|error| failed(&error))?;
    let (source, links, limits) = (folders.checkpoint(assignment.key), saving.clone(), assignment.limits);
    let taken = tokio::task::spawn_blocking(move || snapshot::take(&source, &links, &limits)).await;
    let taken = taken.unwrap_or_else(|error| Err(failed(&io::Error::other(error))))?;
    if taken.is_empty() {
        return Ok(None);
    }
    let files = stream::iter(taken).map(|taken| send(context, taken)).buffered(AT_ONCE).try_collect().await?;
    let manifest = Manifest { files };
    let path = saving.join("manifest");
    fs::write(&path, manifest.to_bytes()).map_err(|error| failed(&error))?;
    let saved = Saved {
        manifest: store(context, &path, "manifest").await?,
        files: u32::try_from(manifest.files.len()).unwrap_or(u32::MAX),
        bytes: manifest.bytes(),
    };
    // What the container has deleted meanwhile takes room no longer.
    folders.prepare_saving(assignment.key).map_err(|error| failed(&error))?;
    tracing::debug!(task = %assignment.key, files = saved.files, bytes = saved.bytes, "a checkpoint is brought away");
    Ok(Some(saved))
}

async fn send(context: &Context, taken: Taken) -> Result<ManifestFile, Failure> {
    let object = store(context, &taken.link, &taken.path).await?;
    let now = fs::symlink_metadata(&taken.link).map_err(|error| failed(&error))?;
    if (now.mtime(), now.mtime_nsec(), now.size()) != taken.state || object.size != now.size() {
        let detail = format!("{} was written to while it was read; write it as a .partial and rename it", taken.path);
        return Err(Failure::new(Cause::OutputInvalid, detail));
    }
    Ok(ManifestFile { path: taken.path, object })
}

/// Hashed first: most of a checkpoint is often what the one before it was.
async fn store(context: &Context, file: &Path, name: &str) -> Result<ObjectRef, Failure> {
    let stored = outputs::store(context, file, true).await;
    stored.map_err(|error| Failure::new(Cause::UploadFailed, format!("{name}: {error}")))
}

fn failed(error: &io::Error) -> Failure {
    let cause = if error.kind() == io::ErrorKind::StorageFull { Cause::DiskFull } else { Cause::UploadFailed };
    Failure::new(cause, error.to_string())
}
