use millrace_protocol::Address;

use crate::event::HeldTask;
use crate::{Action, Core, Now};

impl Core {
    /// Tasks of a lease that missed its heartbeats go back to the queue at once; the lease waits for its
    /// worker, or for the chain's deadline.
    pub(super) fn take_from_the_silent(&mut self, now: Now, leases: &[Address]) {
        for lease in leases.iter().copied().filter(|lease| self.open_leases.contains(*lease)).collect::<Vec<_>>() {
            let Some(entry) = self.leases.get(&lease) else { continue };
            let node = entry.view.node;
            let unheard = self.is_unheard(now, entry, self.settings.patience());
            if entry.silenced || entry.is_final() || !self.attends(lease) || !unheard {
                continue;
            }
            if let Some(entry) = self.leases.get_mut(&lease) {
                entry.silenced = true;
                entry.silent_since = entry.meter.heard;
                self.touch_lease(lease);
            }
            let taken = self.requeue_tasks(lease);
            if self.is_live(now, node) {
                // It hears, and only cannot say that they run.
                for (task, attempt) in taken {
                    self.push(Action::StopTask { node, lease, task, attempt });
                }
            } else if let Some(entry) = self.leases.get_mut(&lease) {
                entry.taken = taken.into_iter().map(|(task, attempt)| HeldTask { task, attempt }).collect();
            }
            self.notice_silence(node, lease);
        }
    }
}
