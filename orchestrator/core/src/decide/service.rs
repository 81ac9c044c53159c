//! A service's replicas: whichever ends runs again, and whoever's lease ends has a successor before that.

use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Address, Seconds};

use crate::state::job::{JobEntry, Outcome};
use crate::state::lease::LeaseEntry;
use crate::state::task::{TaskPhase, TaskState};
use crate::{Core, Now, Workload};

/// Longest time, in milliseconds, that a successor is given to run before the lease that it succeeds has ended.
const LONGEST_HANDOVER: u64 = 600_000;

impl Core {
    /// The service has run as long as the buyer said.
    pub(super) fn end_service(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get_mut(&job).filter(|entry| entry.outcome.is_none()) else { return };
        if entry.service_ends_at().is_some_and(|end| now.chain >= end) {
            entry.outcome = Some(Outcome::Completed);
            self.touch_job(job);
        }
    }

    /// Leases that are near their end and work on a replica, whichever ends first ahead.
    pub(super) fn leases_to_succeed(&self, now: Now, job: Address) -> Vec<Address> {
        let Some(entry) = self.jobs.get(&job) else { return Vec::new() };
        let work_left = |lease: &LeaseEntry| {
            let rest = lease.millis_left(now);
            // No successor would outlive the service.
            let ends_first =
                entry.service_ends_at().is_some_and(|end| end.since(now.chain).0.saturating_mul(1_000) <= rest);
            // Whoever is about to have more time needs no successor yet.
            let longer = lease.extension.under_way.is_some();
            let due = hands_over(now, lease) && !longer || lease.has_notice();
            (due && !ends_first && lease.is_working() && !lease.silenced).then_some(rest)
        };
        let mut leases: Vec<(u64, Address)> = entry
            .tasks
            .at_work()
            .filter_map(|address| Some((work_left(self.leases.get(&address)?)?, address)))
            .collect();
        leases.sort_unstable();
        leases.into_iter().map(|(_, lease)| lease).collect()
    }

    /// Ends leases whose successors run.
    pub(super) fn retire_succeeded(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.outcome.is_none()) else { return };
        let Some(service) = entry.workload().and_then(Workload::service) else { return };
        let runs = |address: &Address| {
            let mut tasks = entry.tasks.active(*address).filter_map(|number| entry.tasks.get(number));
            let heard = self.leases.get(address).is_some_and(|lease| lease.is_working() && !lease.silenced);
            heard && tasks.any(|task| matches!(task.state, TaskState::Active { phase: TaskPhase::Running, .. }))
        };
        let running = entry.tasks.at_work().filter(runs).count();
        let wanted = (service.replicas as usize).saturating_sub(entry.tasks.done());
        let retired = self.leases_to_succeed(now, job).into_iter().filter(runs);
        for lease in retired.take(running.saturating_sub(wanted)).collect::<Vec<_>>() {
            self.begin_end(now, lease, ExitClass::Released);
        }
    }
}

impl JobEntry {
    /// When the buyer wants the service to end.
    pub(super) fn service_ends_at(&self) -> Option<millrace_protocol::UnixSeconds> {
        let run_for = self.workload()?.service()?.run_for?;
        self.view.opened_at.after(run_for).ok()
    }
}

/// Whether it is time for the lease's successor.
pub(super) fn hands_over(now: Now, lease: &LeaseEntry) -> bool {
    lease.is_working() && lease.millis_left(now) <= handover(lease)
}

/// How long before a lease's end, in milliseconds, its successor is looked for.
pub(super) fn handover(lease: &LeaseEntry) -> u64 {
    (lease.view.lease.maximum.0.saturating_mul(1_000) / 4).min(LONGEST_HANDOVER)
}

/// The shortest lease worth its transactions to a service: a container that is replaced sooner serves nobody.
pub(super) const SHORTEST_SERVICE_LEASE: Seconds = Seconds(120);
