use millrace_link::grpc;
use millrace_protocol::Address;
use millrace_scheduler::{Brought, Cause, Event, Round};
use millrace_spec::{Manifest, ObjectRef, Sha256};
use tonic::Status;

use super::{Context, convert};
use crate::objects;

/// What a worker says it has brought away of a task, and whose.
pub(super) struct Told {
    lease: Address,
    task: u32,
    attempt: u32,
    round: Round,
    manifest: ObjectRef,
}

pub(super) fn checkpoint(saved: &grpc::CheckpointSaved) -> Result<Told, Status> {
    let told = saved.checkpoint.as_ref().ok_or_else(|| Status::invalid_argument("a checkpoint without a manifest"))?;
    Ok(Told {
        lease: convert::address(&saved.lease, "lease")?,
        task: saved.index,
        attempt: saved.attempt,
        round: Round::Checkpoint,
        manifest: manifest(&told.manifest, told.manifest_size)?,
    })
}

pub(super) fn early_outputs(told: &grpc::EarlyOutputs) -> Result<Told, Status> {
    Ok(Told {
        lease: convert::address(&told.lease, "lease")?,
        task: told.index,
        attempt: told.attempt,
        round: Round::Outputs,
        manifest: manifest(&told.manifest, told.manifest_size)?,
    })
}

fn manifest(sha256: &[u8], size: u64) -> Result<ObjectRef, Status> {
    Ok(ObjectRef { sha256: Sha256(convert::address(sha256, "manifest")?.0), size })
}

/// What is brought away is here, whole, when its files are, not when its worker says so. None while the store cannot
/// tell: it is told again after the next connection, and by the next round.
pub(super) async fn arrived(context: &Context, node: Address, told: Told) -> Option<Event> {
    let Told { lease, task, attempt, round, manifest } = told;
    match whole(context, manifest).await {
        Ok(Some(files)) => {
            let count = u32::try_from(files.files.len()).unwrap_or(u32::MAX);
            let brought = Brought { manifest, attempt, files: count, bytes: files.bytes() };
            Some(Event::BroughtAway { node, lease, task, round, brought })
        }
        Ok(None) => {
            tracing::warn!(%node, %lease, task, ?round, "something was told of that is not whole");
            Some(Event::SetBack { node, lease, task, attempt, round, cause: Some(incomplete(round)) })
        }
        Err(error) => {
            tracing::warn!(%node, %lease, task, ?round, %error, "what was brought away cannot be looked at");
            None
        }
    }
}

/// Its manifest, where that and every file it names are complete objects. It is noted for the day on which nobody
/// needs it any more.
async fn whole(context: &Context, manifest: ObjectRef) -> Result<Option<Manifest>, objects::Error> {
    let objects = &context.objects;
    let Some(read) = objects.manifest(manifest.sha256).await? else { return Ok(None) };
    for object in read.files.iter().map(|file| file.object).chain([manifest]) {
        match objects.claim(object.sha256).await {
            Ok(size) if size == object.size => {}
            Ok(_) | Err(objects::Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    objects.note_round(manifest.sha256).await?;
    Ok(Some(read))
}

fn incomplete(round: Round) -> Cause {
    let (code, what, hint) = match round {
        Round::Checkpoint => (
            "checkpoint-incomplete",
            "a checkpoint",
            "nothing to do: the next attempt begins with the checkpoint before",
        ),
        Round::Outputs => (
            "early-outputs-incomplete",
            "early outputs",
            "nothing to do: they come again, and all outputs come at the task's end",
        ),
    };
    Cause {
        code: code.to_owned(),
        message: format!("the rig has told of {what} and not uploaded all of it"),
        hint: hint.to_owned(),
    }
}

/// None of a kind that a later worker may know.
pub(super) fn setback(node: Address, told: &grpc::Setback) -> Result<Option<Event>, Status> {
    let lease = convert::address(&told.lease, "lease")?;
    let round = match told.round() {
        grpc::Round::Unspecified => return Ok(None),
        grpc::Round::Checkpoint => Round::Checkpoint,
        grpc::Round::Outputs => Round::Outputs,
    };
    let cause = told.failure.as_ref().map(convert::cause);
    Ok(Some(Event::SetBack { node, lease, task: told.index, attempt: told.attempt, round, cause }))
}
