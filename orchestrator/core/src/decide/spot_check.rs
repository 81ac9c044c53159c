//! Spot checks: some of a job's tasks run once more on a node of another provider, and a first result that is not
//! the same is disputed while it can be.
//!
//! A check is no task of its own: the task stays done, by its first lease, and counts once. The lease that runs it
//! again is a lease of the job like any other, and is paid like one.

mod dispute;
mod draw;
mod handout;
mod lapse;
mod refuted;

use std::collections::BTreeSet;

pub(crate) use draw::task_root;
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Address, Seconds, UnixSeconds, Verification};

use crate::market::Demand;
use crate::state::check::CheckState;
use crate::{Core, JobEntry, LeaseEntry, Now, Stage, TaskState};

/// How long before a lease can no longer be disputed the last result that is compared with its own must be there:
/// what is left is for the transaction.
const LEAD: Seconds = Seconds(30);
/// For a lease to be found for a check, and for its dispute to reach the chain: what a window must leave beside a
/// whole lease and the start of its node.
const ROOM: Seconds = Seconds(300);

impl Core {
    /// The least dispute window in which every task of the job can run again and be disputed: a lease's start, the
    /// longest that a task can run, and room for the search before and the dispute after.
    pub(crate) fn least_check_window(&self, entry: &JobEntry) -> Option<Seconds> {
        let parameters = self.market.parameters()?;
        let lease = entry.view.job.terms.lease_seconds;
        Some(Seconds(lease.0.saturating_add(parameters.start_timeout.0).saturating_add(ROOM.0)))
    }

    /// What the job asks of the node of its next lease. Where only a check needs one, that is not with the provider
    /// whose result is checked, nor with one that cannot be a witness; tasks that wait are served by any.
    pub(crate) fn demand(&self, now: Now, job: Address, entry: &JobEntry) -> Demand {
        let mut demand = Demand::of_job(entry);
        let checked = self.unserved_checks(now, job).first().map(|(_, provider)| *provider);
        if let Some(provider) = checked.filter(|_| !self.wants_lease_for_tasks(now, job, entry)) {
            let mut unfit = self.refuted_providers(entry);
            unfit.insert(provider);
            demand.denied_providers.extend(unfit);
        }
        demand
    }

    /// Providers that lost a dispute over a finding about this job: what they make of another's task says nothing about
    /// it, and would accuse the honest. Before a ruling both sides of a finding go on as witnesses: if either were to
    /// stop, a lie about another's task would keep one's own from being compared.
    fn refuted_providers(&self, entry: &JobEntry) -> BTreeSet<Address> {
        let leases = self.refuted_leases(entry);
        leases.iter().filter_map(|lease| self.leases.get(lease)).map(|lease| lease.view.provider).collect()
    }

    /// Which class of exit a lease gets that ends because nothing is left for it: where only checks are left, the
    /// job is done as far as the chain is concerned, and must not go back on the market if none of them can be run.
    pub(crate) fn class_of_release(&self, job: Address) -> ExitClass {
        let done = |entry: &JobEntry| entry.is_spot_checked() && entry.tasks.all_done();
        if self.job(job).is_some_and(done) { ExitClass::Completed } else { ExitClass::Released }
    }

    /// The lease that made the result which is the task's.
    fn first_lease(&self, entry: &JobEntry, task: u32) -> Option<&LeaseEntry> {
        match entry.tasks.get(task)?.state {
            TaskState::Done { lease } => self.leases.get(&lease),
            _ => None,
        }
    }

    /// Until when the lease's result can be compared; none before it is reported.
    pub(super) fn check_by(&self, lease: &LeaseEntry) -> Option<UnixSeconds> {
        let until = lease.view.lease.disputable_until;
        (lease.stage == Stage::Reported && until > UnixSeconds::ZERO)
            .then(|| until.saturating_minus(UnixSeconds(LEAD.0)))
    }
}

impl JobEntry {
    pub(crate) fn is_spot_checked(&self) -> bool {
        matches!(self.view.job.terms.verification, Verification::SpotCheck { .. })
    }

    /// How many of its checks are there by what they came to: open, equal, different, lapsed.
    pub fn checks(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        if self.is_spot_checked() {
            for check in self.tasks.iter().filter_map(|task| task.check.as_deref()) {
                let at = match check.state {
                    CheckState::Waiting | CheckState::Running { .. } => 0,
                    CheckState::Equal { .. } => 1,
                    CheckState::Different { .. } => 2,
                    CheckState::Lapsed(_) => 3,
                };
                counts[at] += 1;
            }
        }
        counts
    }
}
