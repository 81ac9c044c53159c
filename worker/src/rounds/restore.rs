use std::path::Path;

use millrace_agent::{Assignment, Cause, Failure, Restore, Setback, SetbackCause};
use millrace_link::objects::Error;
use millrace_spec::{Manifest, ObjectRef};

use super::failed;
use crate::context::Context;
use crate::inputs;

/// Why the task does not begin with its checkpoint.
enum Obstacle {
    /// It is of no use: the task begins with nothing.
    Unusable(String),
    /// It is this rig that cannot have it: another one may.
    Failed(Failure),
}

/// Lays the task's newest checkpoint out in its folder, each file checked against its hash. One that is of no use is
/// left: the task begins with nothing, and its container and its buyer are told so.
///
/// # Errors
/// A [`Failure`] where another rig may do better.
pub(crate) async fn restore(context: &Context, assignment: &Assignment) -> Result<Option<Setback>, Failure> {
    let (folders, key) = (&context.folders, assignment.key);
    let Some(kept) = assignment.checkpoint else { return Ok(None) };
    folders.prepare_checkpoint(key).map_err(|error| failed(&error))?;
    let Some(newest) = kept.restore else { return Ok(None) };
    match bring(context, assignment, newest).await {
        Ok(()) => {
            std::fs::write(folders.restored(key), newest.attempt.to_string()).map_err(|error| failed(&error))?;
            Ok(None)
        }
        Err(Obstacle::Failed(failure)) => Err(failure),
        Err(Obstacle::Unusable(problem)) => {
            folders.prepare_checkpoint(key).map_err(|error| failed(&error))?;
            Ok(Some(Setback::new(SetbackCause::CheckpointLost, problem)))
        }
    }
}

async fn bring(context: &Context, assignment: &Assignment, newest: Restore) -> Result<(), Obstacle> {
    let (folders, limits) = (&context.folders, &assignment.limits);
    let folder = folders.checkpoint(assignment.key);
    let broken = |error: &std::io::Error| Obstacle::Failed(failed(error));
    if newest.manifest.size > Manifest::LONGEST {
        return Err(Obstacle::Unusable("its manifest is too long".to_owned()));
    }
    let path = folders.restored(assignment.key).with_extension("manifest");
    fetch(context, newest.manifest, &path).await?;
    let bytes = std::fs::read(&path).map_err(|error| broken(&error))?;
    let manifest =
        Manifest::from_bytes(&bytes).ok_or_else(|| Obstacle::Unusable("its manifest cannot be read".to_owned()))?;
    let count = u64::try_from(manifest.files.len()).unwrap_or(u64::MAX);
    if manifest.bytes() > limits.output_bytes || count > u64::from(limits.output_files) {
        return Err(Obstacle::Unusable("it is larger than the task may be".to_owned()));
    }
    for file in &manifest.files {
        let mut inner = folder.clone();
        for part in Path::new(&file.path).parent().into_iter().flat_map(Path::components) {
            inner.push(part);
            folders.own(assignment.key.lease, &inner).map_err(|error| broken(&error))?;
        }
        let path = folder.join(&file.path);
        fetch(context, file.object, &path).await?;
        folders.own_file(assignment.key.lease, &path).map_err(|error| broken(&error))?;
    }
    Ok(())
}

async fn fetch(context: &Context, object: ObjectRef, path: &Path) -> Result<(), Obstacle> {
    inputs::obtain(context, &object, path).await.map_err(|error| {
        let cause = match &error {
            Error::NotFound { .. } | Error::HashMismatch { .. } => return Obstacle::Unusable(error.to_string()),
            Error::File { .. } if error.is_disk_full() => Cause::DiskFull,
            _ => Cause::InputUnavailable,
        };
        Obstacle::Failed(Failure::new(cause, error.to_string()))
    })
}
