use millrace_protocol::Address;

use crate::state::task::{Checkpoint, TaskState};
use crate::{Core, Now};

impl Core {
    /// A task's next attempt begins with this. Of the last hand-out only, and not once the next one is made: a rig that
    /// was given up on must not put others back to where it stood.
    pub(crate) fn on_checkpoint_saved(
        &mut self,
        now: Now,
        (node, lease): (Address, Address),
        number: u32,
        checkpoint: Checkpoint,
    ) {
        self.hear_worker(now, node);
        let Some(job) = self.leases.get(&lease).filter(|entry| entry.view.node == node).map(|entry| entry.view.job)
        else {
            return;
        };
        if self.jobs.get(&job).is_none_or(|entry| entry.outcome.is_some()) {
            return;
        }
        let current = self.tasks_of(lease).and_then(|tasks| tasks.get(number)).is_some_and(|task| {
            let open = match task.state {
                TaskState::Pending => true,
                TaskState::Active { lease: holder, .. } => holder == lease,
                TaskState::Done { .. } | TaskState::Failed => false,
            };
            let newer = task.checkpoint.as_deref().is_none_or(|known| *known != checkpoint);
            open && newer && task.attempt == checkpoint.attempt && task.lease == Some(lease)
        });
        if current {
            self.change_task(lease, number, |task| task.checkpoint = Some(checkpoint.into()));
            self.touch_task_of(lease, number);
        }
    }
}
