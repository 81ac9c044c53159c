use millrace_spec::JobSpec;
use serde::{Deserialize, Serialize};

/// What the scheduler needs to know of a job's spec; the rest of it is the worker's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// The job's name, for people.
    pub name: String,
    /// Number of tasks, at least one.
    pub tasks: u32,
    /// How often a task may fail by the buyer's own fault before the job fails.
    pub task_retries: u32,
    /// Thousandths of a CPU.
    pub cpu_milli: u32,
    pub memory_mib: u32,
    pub disk_mib: u32,
    /// Image reference: nodes that have it already win ties.
    pub image: String,
}

impl From<&JobSpec> for Workload {
    fn from(spec: &JobSpec) -> Self {
        Self {
            name: spec.name.clone(),
            tasks: spec.tasks,
            task_retries: u32::from(spec.task_retries),
            cpu_milli: spec.limits.cpu_milli,
            memory_mib: spec.limits.memory_mib,
            disk_mib: spec.limits.disk_mib,
            image: spec.image.clone(),
        }
    }
}
