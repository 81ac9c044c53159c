use std::fmt;

use millrace_protocol::{Address, Seconds};
use millrace_spec::{Destination, JobSpec, ObjectRef, Runtime, Sealed, Shape, words_for_task};
use serde::{Deserialize, Serialize};

use crate::Checkpointing;

/// One attempt at one task under one lease: what a container, its folders and its logs are named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskKey {
    pub lease: Address,
    /// From 0.
    pub task: u32,
    /// From 1; counted by the scheduler over all leases of the job.
    pub attempt: u32,
}

impl fmt::Display for TaskKey {
    /// `LEASE-TASK-ATTEMPT`: fit for file and container names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.lease, self.task, self.attempt)
    }
}

/// A file the container finds under `/inputs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Relative, without `..`; the job file's parser has checked it.
    pub path: String,
    pub object: ObjectRef,
}

/// What a container may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub cpu_millis: u32,
    pub memory_mib: u32,
    pub pids: u32,
    /// From the container's start until it is told to stop.
    pub time: Seconds,
    pub network: bool,
    /// Most files it may leave under `/outputs`.
    pub output_files: u32,
    /// Most bytes all of them together may have: what the inputs leave of the job's disk.
    pub output_bytes: u64,
}

/// All a worker must know to run one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub key: TaskKey,
    pub job: Address,
    /// Tasks in the job, for the container's information.
    pub task_count: u32,
    pub image: String,
    /// Empty: what the image says itself. Placeholders are substituted already.
    pub command: Vec<String>,
    /// Buyer's variables; the worker's own come on top.
    pub environment: Vec<(String, String)>,
    pub inputs: Vec<Input>,
    pub limits: Limits,
    /// Whether it runs on when its lease has notice, for it may be done before the end, or serves until its successor
    /// does; otherwise it is told at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finish_on_notice: bool,
    /// None where it keeps nothing for its next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpointing>,
    /// From the container's start, and from one look at its outputs to the next; none where they are brought away at
    /// its end alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs_every: Option<Seconds>,
    /// GPUs to hand through.
    pub gpus: u16,
    /// Where a container with a network may connect to; empty for all of the internet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<Destination>,
    /// None for the engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    /// Where a gang's members are reached, by rank, which is the task's number; an empty text for one that does not
    /// say. Nothing for a task on its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<String>,
    /// What comes sealed from the buyer; only its names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Box<Sealed>>,
}

/// Most files one task may leave: each is an object and a leaf of the result root.
const OUTPUT_FILES: u32 = 10_000;

impl Assignment {
    /// What a job's spec means for one task.
    pub fn from_spec(key: TaskKey, job: Address, spec: &JobSpec) -> Self {
        let inputs = spec.inputs.iter().map(|(path, object)| Input { path: path.clone(), object: *object });
        let input_bytes = spec.inputs.values().fold(0u64, |sum, object| sum.saturating_add(object.size));
        Self {
            key,
            job,
            task_count: spec.tasks,
            image: spec.image.clone(),
            command: words_for_task(&spec.command, key.task),
            environment: spec.env.clone().into_iter().collect(),
            inputs: inputs.collect(),
            limits: Limits {
                cpu_millis: spec.limits.cpu_milli,
                memory_mib: spec.limits.memory_mib,
                pids: spec.limits.pids,
                time: Seconds(spec.limits.task_seconds),
                network: spec.network,
                output_files: OUTPUT_FILES,
                output_bytes: (u64::from(spec.limits.disk_mib) * 1_048_576).saturating_sub(input_bytes),
            },
            finish_on_notice: spec.finish_on_notice || matches!(spec.shape, Some(Shape::Service(_))),
            checkpoint: spec.checkpoint.map(|asked| Checkpointing { every: asked.every, restore: None }),
            outputs_every: spec.outputs.map(|asked| asked.every),
            gpus: spec.terms.requirements.units.0,
            egress: spec.egress.clone(),
            runtime: spec.runtime,
            peers: Vec::new(),
            sealed: spec.sealed.clone().map(Box::new),
        }
    }

    /// Whether it can begin only once the buyer has brought something.
    pub fn awaits_secrets(&self) -> bool {
        self.sealed.as_ref().is_some_and(|sealed| sealed.is_awaited())
    }

    /// Whether its inputs are encrypted, and so lie on the rig twice.
    pub fn has_encrypted_inputs(&self) -> bool {
        self.sealed.as_ref().is_some_and(|sealed| sealed.inputs.is_some())
    }

    /// Bytes of all inputs; saturates.
    pub fn input_bytes(&self) -> u64 {
        self.inputs.iter().fold(0, |sum, input| sum.saturating_add(input.object.size))
    }
}
