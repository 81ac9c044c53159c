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
        if !self.is_at_work(node, lease, (number, brought.attempt)) {
            return;
        }
        if self.change_task(lease, number, |task| task.keep(round, brought)) == Some(true) {
            self.touch_task_of(lease, number);
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
        if !self.is_at_work(node, lease, (number, attempt)) {
            return;
        }
        let setback = cause.map(|cause| Setback { attempt, cause });
        if self.change_task(lease, number, |task| task.set_back(round, setback)) == Some(true) {
            self.touch_task_of(lease, number);
        }
    }

    /// Whoever connects says again what goes wrong beside its tasks: what it does not say is over.
    pub(crate) fn forget_setbacks(&mut self, node: Address) {
        let leases: Vec<Address> = self.open_leases.of_node(node).collect();
        for lease in leases {
            let Some(number) = self.active_task(lease) else { continue };
            if self.change_task(lease, number, Task::forget_setbacks) == Some(true) {
                self.touch_task_of(lease, number);
            }
        }
    }

    /// Whether the job is still to be done, and this is the last hand-out of its task.
    fn is_at_work(&self, node: Address, lease: Address, (number, attempt): (u32, u32)) -> bool {
        let entry = self.leases.get(&lease).filter(|entry| entry.view.node == node);
        let open = |job: &Address| self.jobs.get(job).is_some_and(|job| job.outcome.is_none());
        entry.is_some_and(|entry| open(&entry.view.job)) && self.is_current(lease, number, attempt)
    }
}
