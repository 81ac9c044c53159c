//! A job's files: inputs up, outputs down.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use millrace_link::objects::ObjectClient;
use millrace_link::rest::TaskOutputs;
use millrace_protocol::Diagnostic;
use millrace_spec::{JobFile, JobSpec, ObjectRef, Sha256};
use thiserror::Error;

use crate::errors::Failure;

/// Downloads under way at the same time.
const DOWNLOADS: usize = 4;

/// Why a job's files cannot be moved.
#[derive(Debug, Error)]
pub enum Error {
    #[error("input `{name}` is to be read from `{}`", path.display())]
    InputUnreadable { name: String, path: PathBuf, source: std::io::Error },
    #[error("the orchestrator names an output `{path}` of task {task}, which leads out of the folder or is no path")]
    OutputEscapes { task: u32, path: String },
    #[error("the orchestrator names output `{path}` of task {task} by a hash that is none")]
    OutputUnnamed { task: u32, path: String },
    #[error("`{}` cannot be made", path.display())]
    FolderUnwritable { path: PathBuf, source: std::io::Error },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::InputUnreadable { .. } => "input-unreadable",
            Self::OutputEscapes { .. } => "output-path-unsafe",
            Self::OutputUnnamed { .. } => "output-hash-malformed",
            Self::FolderUnwritable { .. } => "folder-unwritable",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::InputUnreadable { .. } => "paths under `[inputs]` are relative to the job file".to_owned(),
            Self::OutputEscapes { .. } | Self::OutputUnnamed { .. } => {
                "nothing was written; do not trust this orchestrator with jobs".to_owned()
            }
            Self::FolderUnwritable { .. } => "check free space and permissions, or choose another folder".to_owned(),
        }
    }
}

/// Content hash of every input of a job file in `folder`, without uploading anything.
///
/// # Errors
/// [`Error::InputUnreadable`].
pub async fn hash_inputs(file: &JobFile, folder: &Path) -> Result<BTreeMap<String, ObjectRef>, Failure> {
    let mut objects = BTreeMap::new();
    for (name, path) in &file.inputs {
        let path = folder.join(path);
        // Opened first, so that a missing file is told by its name in the job file.
        if let Err(source) = tokio::fs::File::open(&path).await {
            return Err(Error::InputUnreadable { name: name.clone(), path, source }.into());
        }
        objects.insert(name.clone(), millrace_link::objects::hash_file(&path).await?);
    }
    Ok(objects)
}

/// Uploads a job's inputs and then its spec, skipping what the orchestrator has already.
///
/// # Errors
/// An orchestrator that cannot be reached or refuses.
pub async fn upload(
    objects: &ObjectClient,
    inputs: impl Iterator<Item = &PathBuf>,
    spec: &JobSpec,
) -> Result<(), Failure> {
    for path in inputs {
        objects.put_file(path).await?;
    }
    objects.put_bytes(&spec.canonical_bytes()).await?;
    Ok(())
}

/// One output and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub task: u32,
    pub object: ObjectRef,
    pub path: PathBuf,
}

/// Where each output goes: side by side where all names differ, otherwise a folder per task.
///
/// # Errors
/// [`Error::OutputEscapes`], [`Error::OutputUnnamed`].
pub fn plan(tasks: &[TaskOutputs], into: &Path) -> Result<Vec<Destination>, Error> {
    let all = || tasks.iter().flat_map(|task| task.outputs.iter().map(move |output| (task.index, output)));
    let distinct: BTreeSet<_> = all().map(|(_, output)| &output.path).collect();
    let flat = distinct.len() == all().count();
    all()
        .map(|(task, output)| {
            let relative = Path::new(&output.path);
            let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
            if output.path.is_empty() || !plain {
                return Err(Error::OutputEscapes { task, path: output.path.clone() });
            }
            let sha256: Sha256 =
                output.sha256.parse().map_err(|_| Error::OutputUnnamed { task, path: output.path.clone() })?;
            let folder = if flat { into.to_owned() } else { into.join(format!("task-{task}")) };
            Ok(Destination { task, object: ObjectRef { sha256, size: output.size }, path: folder.join(relative) })
        })
        .collect()
}

/// Downloads what is not there yet; each file appears only once its hash is right.
///
/// # Errors
/// Those of [`plan`], a folder that cannot be made, an orchestrator that cannot be reached.
pub async fn download(objects: &ObjectClient, tasks: &[TaskOutputs], into: &Path) -> Result<Vec<Destination>, Failure> {
    let destinations = plan(tasks, into)?;
    for destination in &destinations {
        let folder = destination.path.parent().unwrap_or(into).to_owned();
        tokio::fs::create_dir_all(&folder)
            .await
            .map_err(|source| Error::FolderUnwritable { path: folder.clone(), source })?;
    }
    let objects = Arc::new(objects.clone());
    stream::iter(destinations.iter().cloned())
        .map(|destination| {
            let objects = objects.clone();
            async move { objects.get_to_file(&destination.object, &destination.path).await }
        })
        .buffer_unordered(DOWNLOADS)
        .try_collect::<()>()
        .await?;
    Ok(destinations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_link::rest::Output;
    use millrace_protocol::Address;

    fn outputs(index: u32, paths: &[&str]) -> TaskOutputs {
        let output = |path: &&str| Output { path: (*path).to_owned(), size: 1, sha256: "ab".repeat(32) };
        TaskOutputs { index, node: Some(Address([1; 32])), outputs: paths.iter().map(output).collect() }
    }

    fn paths(tasks: &[TaskOutputs]) -> Vec<String> {
        let planned = plan(tasks, Path::new("out")).unwrap();
        planned.iter().map(|destination| destination.path.display().to_string()).collect()
    }

    #[test]
    fn distinct_names_lie_side_by_side() {
        assert_eq!(
            paths(&[outputs(0, &["a.png", "log/x"]), outputs(1, &["b.png"])]),
            ["out/a.png", "out/log/x", "out/b.png",]
        );
    }

    #[test]
    fn equal_names_get_a_folder_per_task() {
        assert_eq!(paths(&[outputs(0, &["a.png"]), outputs(1, &["a.png"])]), ["out/task-0/a.png", "out/task-1/a.png"]);
    }

    #[test]
    fn paths_out_of_the_folder_are_refused() {
        for path in ["", "/etc/passwd", "../x", "a/../../x", "."] {
            let error = plan(&[outputs(0, &[path])], Path::new("out")).unwrap_err();
            assert!(matches!(error, Error::OutputEscapes { task: 0, .. }), "{path}");
        }
    }

    #[test]
    fn a_hash_that_is_none_is_refused() {
        let mut tasks = outputs(3, &["a"]);
        tasks.outputs[0].sha256 = "AB".repeat(32);
        assert!(matches!(plan(&[tasks], Path::new("out")), Err(Error::OutputUnnamed { task: 3, .. })));
    }
}
