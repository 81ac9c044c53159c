//! Gangs: all nodes or none. The nodes of a whole set are taken from the market at once, their leases open one
//! after the other, and tasks start when the last one is there. A set that cannot be brought together in time is
//! let go as a whole, so no gang ever holds nodes while it waits for others. Time in which a gang comes together
//! costs nothing: a lease is metered from its first running container on.

mod assembly;
mod attempt;
mod hold;
mod plan;

use millrace_protocol::Address;

use crate::state::job::JobEntry;
use crate::state::lease::Stage;
use crate::{Core, Now};

pub(super) use assembly::together_by;
pub use plan::Lacking;
pub(crate) use plan::Unplanned;

/// Milliseconds for which the others run on, and are paid, while one member is not heard of.
pub(super) const SILENCE: u64 = 60_000;

impl Core {
    /// Moves a gang on: one more member is offered its lease, or all of them start, or all of them end.
    pub(super) fn tend_gang(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        if !entry.is_gang() {
            return;
        }
        if !entry.working() {
            return self.drop_assembly(now, job);
        }
        let leases = self.members(job);
        if entry.gang.as_ref().is_some_and(|gang| gang.assembly.is_some()) {
            self.assemble(now, job, &leases);
        } else if !leases.is_empty() {
            self.keep_together(now, job, &leases);
        } else {
            self.begin_anew(job);
        }
    }

    /// Whether nothing of the gang is left from an earlier attempt. True for jobs that are none.
    pub(super) fn may_assemble(&self, now: Now, job: Address, entry: &JobEntry) -> bool {
        if !entry.is_gang() {
            return true;
        }
        let rested = entry.gang.as_ref().is_none_or(|gang| gang.assembly.is_none() && now.millis >= gang.again_at);
        let live = |lease: Address| self.leases.get(&lease).is_some_and(crate::LeaseEntry::is_live);
        let rested = rested && entry.story().restarts.resting(now.millis) == 0;
        rested && entry.tasks.n_pending() == entry.tasks.len() && !self.open_leases.of_job(job).any(live)
    }

    /// The job's leases at work, by their numbers: the order of the ranks.
    fn members(&self, job: Address) -> Vec<Address> {
        let mut leases: Vec<(u32, Address)> = self
            .open_leases
            .of_job(job)
            .filter_map(|lease| Some((self.leases.get(&lease)?, lease)))
            .filter(|(entry, _)| entry.stage == Stage::Working)
            .map(|(entry, lease)| (entry.view.number, lease))
            .collect();
        leases.sort_unstable();
        leases.into_iter().map(|(_, lease)| lease).collect()
    }
}
