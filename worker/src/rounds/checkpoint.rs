//! What a task keeps for its next attempt. What counts is whole: a file or folder whose name ends in `.partial` is not
//! there, so whoever writes under such a name and then renames is never seen half-way. Everything else that is there at
//! one moment is the checkpoint.

use std::io;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use millrace_agent::{Assignment, Cause, Failure};
use millrace_spec::ManifestFile;

use super::snapshot::{self, Taken};
use super::{AT_ONCE, Brought, failed, not_stored, store, store_manifest};
use crate::context::Context;

/// Brings what lies whole in the task's checkpoint folder away. Saves nothing where there is nothing: that is no checkpoint,
/// and does not take the place of an earlier one.
///
/// # Errors
/// A [`Failure`] that says what was in the way; the task goes on.
pub(crate) async fn save(context: &Context, assignment: &Assignment) -> Result<Brought, Failure> {
    let folders = &context.folders;
    let saving = folders.saving(assignment.key);
    folders.prepare_round(&saving).map_err(|error| failed(&error))?;
    let (source, links, limits) = (folders.checkpoint(assignment.key), saving.clone(), assignment.limits);
    let taken = tokio::task::spawn_blocking(move || snapshot::take(&source, &links, &limits)).await;
    let taken = taken.unwrap_or_else(|error| Err(failed(&io::Error::other(error))))?;
    if taken.is_empty() {
        return Ok(Brought::default());
    }
    let files = stream::iter(taken).map(|taken| send(context, taken)).buffered(AT_ONCE).try_collect().await?;
    let saved = store_manifest(context, &saving, files).await?;
    // What the container has deleted meanwhile takes room no longer.
    folders.prepare_round(&saving).map_err(|error| failed(&error))?;
    tracing::debug!(task = %assignment.key, files = saved.files, bytes = saved.bytes, "a checkpoint is brought away");
    Ok(Brought { saved: Some(saved), setback: None })
}

async fn send(context: &Context, taken: Taken) -> Result<ManifestFile, Failure> {
    let stored = store(context, &taken.link).await;
    if !taken.is_unchanged() {
        let detail = format!("{} was written to while it was read; write it as a .partial and rename it", taken.path);
        return Err(Failure::new(Cause::OutputInvalid, detail));
    }
    let object = stored.map_err(|error| not_stored(&taken.path, &error))?;
    Ok(ManifestFile { path: taken.path, object })
}
