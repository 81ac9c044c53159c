use std::time::Duration;

use millrace_agent::{Agent, FoundContainer, Task, TaskKey};
use tokio::time::timeout;

use super::Driver;
use crate::container::name;

/// From one attempt to remove a container to the next.
const PAUSE: Duration = Duration::from_secs(2);
/// How long an engine may take over the first attempt: nothing else is done meanwhile, and an orchestrator misses the
/// worker after three heartbeats.
const PATIENCE: Duration = Duration::from_secs(5);

impl Driver {
    /// Warns of what the node's label is on and the journal knows nothing of: a worker on one data folder leaves no such
    /// container, whenever it is killed.
    pub(crate) fn tell_unknown(&self, found: &[FoundContainer]) {
        for task in unknown(found, &self.agent) {
            tracing::warn!(
                %task,
                folder = %self.context.folders.root().display(),
                hint = "start this node's worker with the `--data-dir` that it had before, and from the same folder where \
                        that is a relative path; or the journal was moved away",
                "a container of this very node is removed: a worker on another data folder has most likely begun it"
            );
        }
    }

    /// Removes a container that nobody owns, and does not give up: it would go on with its GPU and its network.
    pub(super) async fn remove_stray(&mut self, container: String) {
        tracing::info!(container, "removing a container that nobody owns");
        let engine = self.context.engine.clone();
        let removed = match timeout(PATIENCE, engine.remove(&container)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        tracing::warn!(container, error = removed, "it cannot be removed yet");
        // What is left of a task that begins anew is removed when its next container is made, and has its name.
        if self.agent.tasks().any(|task| name(task.key()) == container) {
            return;
        }
        self.strays.spawn(async move {
            loop {
                tokio::time::sleep(PAUSE).await;
                match engine.remove(&container).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(container, %error, "it cannot be removed yet"),
                }
            }
        });
    }

    pub(super) fn on_stray_gone(&mut self) {
        let unfinished = self.agent.tasks().filter(|task| task.outcome().is_none()).map(Task::key);
        let unfinished: Vec<TaskKey> = unfinished.collect();
        self.sweep(&unfinished);
    }

    /// Removes the folders of every other task, once no container is left that may work in one: folders are not safe to
    /// walk while a stranger's program moves them.
    pub(super) fn sweep(&mut self, unfinished: &[TaskKey]) {
        if !self.strays.is_empty() {
            return;
        }
        self.context.vault.sweep(unfinished);
        let known: Vec<TaskKey> = self.agent.tasks().map(Task::key).collect();
        for left in self.context.folders.sweep(unfinished, &known) {
            self.context.tell_left(&left);
        }
    }
}

fn unknown(found: &[FoundContainer], agent: &Agent) -> impl Iterator<Item = TaskKey> {
    found.iter().filter_map(|container| container.key).filter(|key| agent.task(*key).is_none())
}

#[cfg(test)]
mod tests {
    use millrace_agent::FoundState;
    use millrace_protocol::Address;

    use super::*;

    #[test]
    fn a_task_that_the_journal_does_not_know_is_told_of_and_what_is_left_of_a_network_is_not() {
        let key = TaskKey { lease: Address([1; 32]), task: 2, attempt: 1 };
        let found = |key| FoundContainer { id: "one".to_owned(), key, state: FoundState::Running };
        assert!(unknown(&[found(None), found(Some(key))], &Agent::default()).eq([key]));
    }
}
