use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use millrace_link::rest;
use millrace_spec::Sha256;

use super::jobs::of_owner;
use super::{Authorized, Context, Refusal};

/// What is finished of the outputs of tasks that are not done.
pub(super) async fn show(
    State(context): State<Arc<Context>>,
    Path(job): Path<String>,
    Authorized(key): Authorized,
) -> Result<Json<Vec<rest::TaskEarlyOutputs>>, Refusal> {
    let tasks: Vec<(u32, u32, Sha256)> = of_owner(&context, &job, key, |_, _, entry| {
        let tasks = entry.tasks.iter().zip(0u32..);
        let early = tasks.filter_map(|(task, index)| task.early_outputs.as_deref().map(|early| (index, early)));
        early.map(|(index, early)| (index, early.attempt, early.manifest.sha256)).collect()
    })
    .await?;
    let mut shown = Vec::with_capacity(tasks.len());
    for (index, attempt, manifest) in tasks {
        // Of a job that is over they go after a while.
        let Some(manifest) = context.objects.manifest(manifest).await? else { continue };
        let outputs = manifest.files.into_iter().map(|file| rest::Output {
            path: file.path,
            size: file.object.size,
            sha256: file.object.sha256.to_string(),
        });
        shown.push(rest::TaskEarlyOutputs { index, attempt, outputs: outputs.collect() });
    }
    Ok(Json(shown))
}
