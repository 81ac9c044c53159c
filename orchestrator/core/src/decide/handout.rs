use millrace_protocol::Address;

use crate::state::lease::Stage;
use crate::state::task::{TaskPhase, TaskState};
use crate::{Action, Core, Now};

impl Core {
    /// One task at a time per lease, the lowest number first, to whichever worker is free.
    pub(super) fn hand_out(&mut self, now: Now, job: Address) {
        if !self.jobs.get(&job).is_some_and(crate::JobEntry::working) {
            return;
        }
        for lease in self.open_leases_of(job) {
            let Some(entry) = self.leases.get(&lease).filter(|entry| entry.stage == Stage::Working) else { continue };
            let node = entry.view.node;
            if entry.silenced || !self.attends(lease) || !self.is_live(now, node) || self.active_task(lease).is_some() {
                continue;
            }
            let Some(entry) = self.jobs.get_mut(&job) else { return };
            let next = (0u32..).zip(&mut entry.tasks).find(|(_, task)| task.state == TaskState::Pending);
            let Some((number, task)) = next else { return };
            task.attempt += 1;
            task.lease = Some(lease);
            task.state = TaskState::Active { lease, phase: TaskPhase::Assigned };
            let attempt = task.attempt;
            self.touch_task(job, number);
            self.push(Action::AssignTask { node, lease, job, task: number, attempt });
        }
    }
}
