//! How many of a job's tasks wait for a lease: what its shape makes of those that are pending.

use millrace_protocol::Address;

use crate::state::job::JobEntry;
use crate::state::lease::LeaseEntry;
use crate::{Core, Now};

impl Core {
    /// Tasks that leases are wanted for at `at`, in milliseconds, which is now or not long after.
    pub(crate) fn waiting(&self, now: Now, job: Address, entry: &JobEntry, at: u64) -> usize {
        if entry.is_counted() {
            return self.free_places(now, job);
        }
        let pending = entry.pending_tasks();
        let (done, resting) = (entry.tasks.done(), entry.story().restarts.resting(at));
        let Some(service) = entry.workload().and_then(crate::Workload::service) else {
            return pending.saturating_sub(resting);
        };
        let spare = entry.tasks.len().saturating_sub(service.replicas as usize);
        let succeeded = self.leases_to_succeed(now, job).len().min(spare);
        // One that rests is there, and comes back.
        let wanted = (service.replicas as usize + succeeded).saturating_sub(done + resting);
        let active = entry.tasks.len().saturating_sub(pending + done);
        wanted.saturating_sub(active).min(pending.saturating_sub(resting))
    }

    /// Whether more tasks wait than leases are about to take, or a check for a lease that may run it.
    pub(crate) fn wants_lease(&self, now: Now, job: Address, entry: &JobEntry) -> bool {
        self.wants_lease_for_tasks(now, job, entry) || !self.unserved_checks(now, job).is_empty()
    }

    /// Whether more tasks wait than leases are about to take.
    pub(in crate::decide) fn wants_lease_for_tasks(&self, now: Now, job: Address, entry: &JobEntry) -> bool {
        // Members of a round wait for each other, not for work.
        let idle = if entry.is_counted() { 0 } else { self.idle_leases(job) };
        let free = idle.saturating_sub(self.servable_checks(now, job).len());
        self.waiting(now, job, entry, now.millis) > free
    }

    /// Leases at work whose worker has nothing to do, and may be given something.
    pub(super) fn idle_leases(&self, job: Address) -> usize {
        let idle = |lease: &Address| {
            let usable = |entry: &LeaseEntry| entry.is_working() && !entry.silenced && !entry.has_notice();
            self.leases.get(lease).is_some_and(usable) && self.attends(*lease) && !self.is_busy(*lease)
        };
        self.open_leases.of_job(job).filter(idle).count()
    }
}
