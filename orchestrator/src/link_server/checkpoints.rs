use millrace_link::grpc;
use millrace_protocol::Address;
use millrace_scheduler::{Checkpoint, Event};
use millrace_spec::{Manifest, ObjectRef, Sha256};
use tonic::Status;

use super::{Context, convert};
use crate::objects;

/// A checkpoint is one when its files are here, not when its worker says so. None otherwise: the task's next attempt
/// begins with the one before.
pub(super) async fn arrived(
    context: &Context,
    node: Address,
    saved: &grpc::CheckpointSaved,
) -> Result<Option<Event>, Status> {
    let lease = convert::address(&saved.lease, "lease")?;
    let told = saved.checkpoint.as_ref().ok_or_else(|| Status::invalid_argument("a checkpoint without a manifest"))?;
    let sha256 = Sha256(convert::address(&told.manifest, "manifest")?.0);
    let manifest = ObjectRef { sha256, size: told.manifest_size };
    let files = match whole(context, manifest).await {
        Ok(Some(files)) => files,
        Ok(None) => {
            tracing::warn!(%node, %lease, task = saved.index, "a checkpoint was told of that is not whole");
            return Ok(None);
        }
        Err(error) => {
            // It is told again after the next connection, and by the next checkpoint.
            tracing::warn!(%node, %lease, task = saved.index, %error, "a checkpoint cannot be looked at");
            return Ok(None);
        }
    };
    let count = u32::try_from(files.files.len()).unwrap_or(u32::MAX);
    let checkpoint = Checkpoint { manifest, attempt: saved.attempt, files: count, bytes: files.bytes() };
    Ok(Some(Event::CheckpointSaved { node, lease, task: saved.index, checkpoint }))
}

/// Its manifest, where that and every file it names are complete objects. It is noted for the day on which nobody
/// needs it any more.
async fn whole(context: &Context, manifest: ObjectRef) -> Result<Option<Manifest>, objects::Error> {
    let objects = &context.objects;
    let bytes = match objects.get_bytes(manifest.sha256, Manifest::LONGEST).await {
        Ok(bytes) if bytes.len() as u64 == manifest.size => bytes,
        Ok(_) | Err(objects::Error::NotFound(_) | objects::Error::TooLarge { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(read) = Manifest::from_bytes(&bytes) else { return Ok(None) };
    for file in &read.files {
        match objects.size(file.object.sha256).await {
            Ok(size) if size == file.object.size => {}
            Ok(_) | Err(objects::Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    objects.note_checkpoint(manifest.sha256).await?;
    Ok(Some(read))
}
