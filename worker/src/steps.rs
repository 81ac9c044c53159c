//! Carries out what the agent decides for tasks. Each task has its own queue, so its steps happen
//! in order while other tasks go on.

mod sight;
mod task_queue;

use std::collections::HashMap;
use std::sync::Arc;

use millrace_agent::{Action, Assignment, Limits, Round, TaskEvent, TaskKey};
use millrace_protocol::Address;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::container::Progress;
use crate::context::Context;

/// What comes back from the steps of tasks.
#[derive(Debug)]
pub(crate) enum StepEvent {
    Task { key: TaskKey, event: TaskEvent },
    Progress { key: TaskKey, progress: Progress },
    LogGrown { key: TaskKey, job: Address },
}

/// One thing to do for a task.
#[derive(Debug)]
enum Step {
    FetchInputs(Assignment),
    PullImage(Assignment),
    Create(Assignment, Vec<u16>),
    Start(Vec<u16>),
    Follow(Address, Limits, Vec<u16>),
    CopyLog(Address),
    BringAway(Round, Assignment, u32),
    Terminate,
    Kill,
    Collect(Assignment),
    Clean,
}

/// The queues of all tasks.
pub(crate) struct Steps {
    context: Arc<Context>,
    events: UnboundedSender<StepEvent>,
    queues: HashMap<TaskKey, UnboundedSender<Step>>,
    running: JoinSet<()>,
}

impl Steps {
    pub fn new(context: Arc<Context>, events: UnboundedSender<StepEvent>) -> Self {
        Self { context, events, queues: HashMap::new(), running: JoinSet::new() }
    }

    /// Does what concerns one task; gives back any other action. `gpus` are those of the task's
    /// lease, `assignment` is what the task is, where it is known.
    pub fn perform(&mut self, action: Action, assignment: Option<&Assignment>, gpus: Vec<u16>) -> Option<Action> {
        let (key, step) = match action {
            Action::FetchInputs(assignment) => (assignment.key, Step::FetchInputs(assignment)),
            Action::PullImage(assignment) => (assignment.key, Step::PullImage(assignment)),
            Action::CreateContainer(assignment) => (assignment.key, Step::Create(assignment, gpus)),
            Action::StartContainer(key) => (key, Step::Start(gpus)),
            Action::Follow(key) => {
                // The agent follows what it holds.
                let assignment = assignment?;
                (key, Step::Follow(assignment.job, assignment.limits, gpus))
            }
            Action::CopyLog(key) => (key, Step::CopyLog(assignment?.job)),
            Action::BringAway { round, assignment, number } => {
                (assignment.key, Step::BringAway(round, assignment, number))
            }
            Action::Terminate(key) => (key, Step::Terminate),
            Action::Kill(key) => (key, Step::Kill),
            Action::CollectOutputs(assignment) => (assignment.key, Step::Collect(assignment)),
            Action::Clean(key) => (key, Step::Clean),
            other => return Some(other),
        };
        let mut step = Some(step);
        if let Some(queue) = self.queues.get(&key) {
            step = queue.send(step.take()?).err().map(|unsent| unsent.0);
        }
        if let Some(step) = step {
            let (queue, steps) = unbounded_channel();
            let _ = queue.send(step);
            self.running.spawn(task_queue::run(self.context.clone(), key, steps, self.events.clone()));
            self.queues.insert(key, queue);
        }
        // Queues end with their task's cleaning.
        self.queues.retain(|_, queue| !queue.is_closed());
        while self.running.try_join_next().is_some() {}
        None
    }
}
