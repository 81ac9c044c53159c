use millrace_protocol::Address;

use crate::state::lease::{LeaseEntry, Stage};
use crate::state::task::{TaskPhase, TaskState};
use crate::{Action, Core, Now};

impl Core {
    /// One task at a time per lease, to whichever worker is free.
    pub(super) fn hand_out(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.working()) else { return };
        if entry.is_gang() {
            // All at once, or none.
            return;
        }
        if entry.is_counted() {
            return self.hand_out_to_members(now, job);
        }
        for lease in self.open_leases_of(job) {
            let Some(entry) = self.leases.get(&lease).filter(|entry| entry.stage == Stage::Working) else { continue };
            let node = entry.view.node;
            if entry.silenced
                || entry.has_notice()
                || !self.attends(lease)
                || !self.is_live(now, node)
                || self.is_busy(lease)
            {
                continue;
            }
            if self.jobs.get(&job).is_none_or(|entry| self.waiting(now, job, entry, now.millis) == 0) {
                return;
            }
            let Some(number) = self.next_task(now, job, node) else { return };
            self.assign(job, lease, number, Vec::new());
        }
    }

    /// Hands the task to the lease's worker. `peers` are a gang's nodes by rank; empty for whoever is on its own.
    pub(super) fn assign(&mut self, job: Address, lease: Address, number: u32, peers: Vec<Address>) {
        let Some(node) = self.leases.get(&lease).map(|entry| entry.view.node) else { return };
        let earlier = self.attempts(job, lease, number);
        let assigned = self.change_task(lease, number, |task| {
            task.attempt = earlier + 1;
            task.lease = Some(lease);
            task.state = TaskState::Active { lease, phase: TaskPhase::Assigned };
            (task.attempt, task.checkpoint.as_deref().copied())
        });
        let Some((attempt, checkpoint)) = assigned else { return };
        let moved = |entry: &&mut LeaseEntry| entry.handed_out_at != entry.meter.millis;
        if let Some(entry) = self.leases.get_mut(&lease).filter(moved) {
            entry.handed_out_at = entry.meter.millis;
            self.touch_lease(lease);
        }
        self.touch_task_of(lease, number);
        self.push(Action::AssignTask { node, lease, job, task: number, attempt, peers, checkpoint });
    }

    /// The lowest number that waits and need not rest. Where the job has other nodes, tasks that failed on this
    /// one are left to them as long as there are others to do.
    fn next_task(&self, now: Now, job: Address, node: Address) -> Option<u32> {
        let entry = self.jobs.get(&job)?;
        let tasks = &entry.tasks;
        let node_of = |lease: Address| self.leases.get(&lease).map(|entry| entry.view.node);
        let awake = |number: &u32| !entry.story().restarts.rests(*number, now.millis);
        let mut pending = tasks.pending().filter(awake);
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
