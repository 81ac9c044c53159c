use millrace_protocol::Address;

use crate::state::lease::Stage;
use crate::{Core, Now};

impl Core {
    /// Each member does each task, one at a time.
    pub(in crate::decide) fn hand_out_to_members(&mut self, now: Now, job: Address) {
        for lease in self.open_leases_of(job) {
            let Some(entry) = self.leases.get(&lease).filter(|entry| entry.stage == Stage::Working) else { continue };
            let idle = !entry.silenced
                && !entry.has_notice()
                && self.attends(lease)
                && self.is_live(now, entry.view.node)
                && self.active_task(lease).is_none()
                && !self.has_result(lease);
            let rests = |number: &u32| {
                self.jobs.get(&job).is_some_and(|entry| entry.story().restarts.rests(*number, now.millis))
            };
            let next = self.tasks_of(lease).and_then(|tasks| tasks.pending().find(|number| !rests(number)));
            if let Some(number) = next.filter(|_| idle) {
                self.assign(job, lease, number, Vec::new());
            }
        }
    }
}
