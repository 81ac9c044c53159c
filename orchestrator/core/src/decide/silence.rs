use millrace_protocol::Address;

use crate::{Core, Now};

impl Core {
    /// Tasks of a worker that missed its heartbeats go back to the queue at once; its lease waits
    /// for the worker, or for the chain's deadline.
    pub(super) fn take_from_the_silent(&mut self, now: Now, leases: &[Address]) {
        for lease in leases.iter().copied().filter(|lease| self.open_leases.contains(*lease)).collect::<Vec<_>>() {
            let Some(entry) = self.leases.get(&lease) else { continue };
            let node = entry.view.node;
            if entry.silenced || entry.is_final() || !self.attends(lease) || !self.is_silent(now, node) {
                continue;
            }
            if let Some(entry) = self.leases.get_mut(&lease) {
                entry.silenced = true;
                entry.silent_since = entry.meter.heard;
                self.touch_lease(lease);
            }
            self.requeue_tasks(lease);
            self.notice_silence(node, lease);
        }
    }
}
