use millrace_protocol::Address;

use crate::state::lease::Stage;
use crate::state::task::{TaskPhase, TaskState};
use crate::{Action, Core, Now};

impl Core {
    /// One task at a time per lease, to whichever worker is free.
    pub(super) fn hand_out(&mut self, now: Now, job: Address) {
        if !self.job(job).is_some_and(crate::JobEntry::working) {
            return;
        }
        for lease in self.open_leases_of(job) {
            let Some(entry) = self.leases.get(&lease).filter(|entry| entry.stage == Stage::Working) else { continue };
            let node = entry.view.node;
            if entry.silenced || !self.attends(lease) || !self.is_live(now, node) || self.active_task(lease).is_some() {
                continue;
            }
            let Some(number) = self.next_task(job, node) else { return };
            let Some(entry) = self.jobs.get_mut(&job) else { return };
            let assigned = entry.tasks.change(number, |task| {
                task.attempt += 1;
                task.lease = Some(lease);
                task.state = TaskState::Active { lease, phase: TaskPhase::Assigned };
                task.attempt
            });
            let Some(attempt) = assigned else { return };
            if let Some(entry) = self.leases.get_mut(&lease) {
                entry.handed_out_at = entry.meter.millis;
            }
            self.touch_task(job, number);
            self.push(Action::AssignTask { node, lease, job, task: number, attempt });
        }
    }

    /// The lowest number that waits. Where the job has other nodes, tasks that failed on this one are left to
    /// them as long as there are others to do.
    fn next_task(&self, job: Address, node: Address) -> Option<u32> {
        let tasks = &self.jobs.get(&job)?.tasks;
        let node_of = |lease: Address| self.leases.get(&lease).map(|entry| entry.view.node);
        let mut pending = tasks.pending();
        if self.open_leases.of_job(job).all(|lease| node_of(lease) == Some(node)) {
            return pending.next();
        }
        let failed_here = |number: &u32| {
            let task = tasks.get(*number).filter(|task| task.last_failure.is_some());
            task.and_then(|task| task.lease).and_then(node_of) == Some(node)
        };
        pending.clone().find(|number| !failed_here(number)).or_else(|| pending.next())
    }
}
