use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use millrace_link::rest;
use millrace_protocol::Address;
use millrace_spec::{ManifestFile, Sha256};

use super::jobs::of_owner;
use super::{Authorized, Context, Refusal};

/// What is finished of the outputs of tasks that are not done.
pub(super) async fn show(
    State(context): State<Arc<Context>>,
    Path(job): Path<String>,
    Authorized(key): Authorized,
) -> Result<Json<Vec<rest::TaskEarlyOutputs>>, Refusal> {
    let tasks: Vec<Told> = of_owner(&context, &job, key, |driver, _, entry| {
        let tasks = entry.tasks.iter().zip(0u32..);
        let early = tasks.filter_map(|(task, index)| {
            let early = task.early_outputs.as_deref()?;
            let lease = task.lease.and_then(|lease| driver.core.lease(lease));
            let node = lease.map(|lease| lease.view.node).unwrap_or_default();
            Some(Told { index, node, attempt: early.attempt, manifest: early.manifest.sha256 })
        });
        early.collect()
    })
    .await?;
    let mut shown = Vec::with_capacity(tasks.len());
    for Told { index, node, attempt, manifest } in tasks {
        // Of a job that is over they go after a while.
        let Some(manifest) = context.objects.manifest(manifest).await? else { continue };
        let output = |file: ManifestFile| rest::Output {
            path: file.path,
            size: file.object.size,
            sha256: file.object.sha256.to_string(),
        };
        let outputs = manifest.files.into_iter().map(output).collect();
        shown.push(rest::TaskEarlyOutputs { attempt, task: rest::TaskOutputs { index, node, outputs } });
    }
    Ok(Json(shown))
}

/// What the scheduler knows of a task's early outputs.
struct Told {
    index: u32,
    /// Of the last hand-out.
    node: Address,
    attempt: u32,
    manifest: Sha256,
}
