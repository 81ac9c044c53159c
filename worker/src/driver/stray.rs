use std::time::Duration;

use millrace_agent::{Task, TaskKey};
use tokio::time::timeout;

use super::Driver;
use crate::container::name;

/// From one attempt to remove a container to the next.
const PAUSE: Duration = Duration::from_secs(2);
/// How long an engine may take over the first attempt: nothing else is done meanwhile, and an orchestrator misses the
/// worker after three heartbeats.
const PATIENCE: Duration = Duration::from_secs(5);

impl Driver {
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
