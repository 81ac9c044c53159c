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
        let Some(entry) = self.jobs.get_mut(&job).filter(|entry| entry.outcome.is_none()) else { return };
        let current = entry.tasks.get(number).is_some_and(|task| {
            let open = match task.state {
                TaskState::Pending => true,
                TaskState::Active { lease: holder, .. } => holder == lease,
                TaskState::Done { .. } | TaskState::Failed => false,
            };
            let newer = task.checkpoint.as_deref().is_none_or(|known| *known != checkpoint);
            open && newer && task.attempt == checkpoint.attempt && task.lease == Some(lease)
        });
        if current {
            entry.tasks.change(number, |task| task.checkpoint = Some(checkpoint.into()));
            self.touch_task(job, number);
        }
    }
}
