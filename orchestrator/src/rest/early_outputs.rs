use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use millrace_link::rest;
use millrace_protocol::Address;
use millrace_scheduler::Task;
use millrace_spec::{ManifestFile, Sha256};
use serde::Deserialize;

use super::jobs::{of_owner, task_unknown};
use super::{Asked, Authorized, Context, Refusal};

#[derive(Deserialize)]
pub(super) struct Of {
    task: u32,
}

/// What is finished of a task's outputs, as long as it is not done. One task at a time: there may be as many lists of
/// files as tasks.
pub(super) async fn show(
    State(context): State<Arc<Context>>,
    Path(job): Path<String>,
    Asked(Of { task: index }): Asked<Of>,
    Authorized(key): Authorized,
) -> Result<Json<Option<rest::TaskEarlyOutputs>>, Refusal> {
    type Told = Option<(Option<Address>, u32, Sha256)>;
    let told = of_owner(&context, &job, key, move |driver, _, entry| -> Result<Told, Refusal> {
        let task = entry.tasks.get(index).ok_or_else(|| task_unknown(index))?;
        let Some(early) = task.early_outputs.as_deref() else { return Ok(None) };
        let lease = lease_of(task, early.attempt).and_then(|lease| driver.core.lease(lease));
        let node = lease.map(|lease| lease.view.node);
        Ok(Some((node, early.attempt, early.manifest.sha256)))
    });
    let Some((node, attempt, manifest)) = told.await?? else { return Ok(Json(None)) };
    // Of a job that is over it goes after a while.
    let Some(manifest) = context.objects.manifest(manifest).await? else { return Ok(Json(None)) };
    let output = |file: ManifestFile| rest::Output {
        path: file.path,
        size: file.object.size,
        sha256: file.object.sha256.to_string(),
    };
    let outputs = manifest.files.into_iter().map(output).collect();
    Ok(Json(Some(rest::TaskEarlyOutputs { attempt, task: rest::TaskOutputs { index, node, outputs } })))
}

/// The lease of an attempt at a task, where it is the last one: of others none is kept.
fn lease_of(task: &Task, attempt: u32) -> Option<Address> {
    task.lease.filter(|_| task.attempt == attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_attempt_has_made_is_not_the_last_ones() {
        let lease = Some(Address([1; 32]));
        let task = Task { attempt: 2, lease, ..Task::default() };
        assert_eq!(lease_of(&task, 2), lease);
        assert_eq!(lease_of(&task, 1), None);
    }
}
