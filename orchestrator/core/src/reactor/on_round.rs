use millrace_protocol::Address;

use crate::state::task::{Brought, Cause, Round, Setback, Task};
use crate::{Core, Now};

impl Core {
    /// A task's next attempt begins with this, or its buyer may look at it. Of the last hand-out only, and not once the
    /// next one is made: a rig that was given up on must not put others back to where it stood.
    pub(crate) fn on_brought(
        &mut self,
        now: Now,
        (node, lease): (Address, Address),
        number: u32,
        round: Round,
        brought: Brought,
    ) {
        self.hear_worker(now, node);
        let Some(job) = self.job_at_work(node, lease, (number, brought.attempt)) else { return };
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if entry.tasks.change(number, |task| task.keep(round, brought)) == Some(true) {
            self.touch_task(job, number);
        }
    }

    /// Beside a task something goes wrong, or well again: no decision follows, but its buyer is to know.
    pub(crate) fn on_set_back(
        &mut self,
        now: Now,
        (node, lease): (Address, Address),
        (number, attempt): (u32, u32),
        round: Round,
        cause: Option<Cause>,
    ) {
        self.hear_worker(now, node);
        let Some(job) = self.job_at_work(node, lease, (number, attempt)) else { return };
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let setback = cause.map(|cause| Setback { attempt, cause });
        if entry.tasks.change(number, |task| task.set_back(round, setback)) == Some(true) {
            self.touch_task(job, number);
        }
    }

    /// Whoever connects says again what goes wrong beside its tasks: what it does not say is over.
    pub(crate) fn forget_setbacks(&mut self, node: Address) {
        let leases: Vec<Address> = self.open_leases.of_node(node).collect();
        for lease in leases {
            let Some(job) = self.leases.get(&lease).map(|entry| entry.view.job) else { continue };
            let Some(number) = self.active_task(lease) else { continue };
            let Some(entry) = self.jobs.get_mut(&job) else { continue };
            if entry.tasks.change(number, Task::forget_setbacks) == Some(true) {
                self.touch_task(job, number);
            }
        }
    }

    /// The job that is still to be done, where this is the last hand-out of its task.
    fn job_at_work(&self, node: Address, lease: Address, (number, attempt): (u32, u32)) -> Option<Address> {
        let job = self.leases.get(&lease).filter(|entry| entry.view.node == node)?.view.job;
        let open = self.jobs.get(&job)?.outcome.is_none() && self.is_current(lease, number, attempt);
        open.then_some(job)
    }
}
