use millrace_agent::{Agent, Outcome, Phase, Task};
use millrace_protocol::{Address, UnixSeconds};
use serde::{Deserialize, Serialize};

/// One attempt at a task under one of the rig's leases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStatus {
    pub job: Address,
    pub lease: Address,
    /// From 0.
    pub task: u32,
    /// From 1.
    pub attempt: u32,
    pub image: String,
    /// `assigned`, `awaiting-secrets`, `fetching-inputs`, `pulling`, `creating`, `starting`, `running`, `stopping`,
    /// `uploading`, `saving`, `cleaning`, `done` or `failed`.
    pub phase: String,
    /// When its container started; only while it runs.
    pub running_since: Option<UnixSeconds>,
}

/// Every task of the leases that the rig holds, by lease, then index.
pub fn of(agent: &Agent) -> Vec<TaskStatus> {
    agent.tasks().map(one).collect()
}

fn one(task: &Task) -> TaskStatus {
    let running_since = match task.phase() {
        Phase::Running { started_at } => Some(*started_at),
        _ => None,
    };
    TaskStatus {
        job: task.assignment.job,
        lease: task.key().lease,
        task: task.key().task,
        attempt: task.key().attempt,
        image: task.assignment.image.clone(),
        phase: phase(task.phase()).to_owned(),
        running_since,
    }
}

fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Assigned => "assigned",
        Phase::AwaitingSecrets { .. } => "awaiting-secrets",
        Phase::FetchingInputs => "fetching-inputs",
        Phase::Pulling => "pulling",
        Phase::Creating => "creating",
        Phase::Starting => "starting",
        Phase::Running { .. } => "running",
        Phase::Stopping { .. } => "stopping",
        Phase::Uploading => "uploading",
        Phase::Saving { .. } => "saving",
        Phase::Cleaning { .. } => "cleaning",
        Phase::Ended { outcome: Outcome::Done(_) } => "done",
        Phase::Ended { outcome: Outcome::Failed(_) } => "failed",
    }
}
