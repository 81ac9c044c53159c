//! Jobs whose accounts are gone are kept for a time, for their buyers; then nothing of them is.

use millrace_protocol::Address;

use super::Scope;
use crate::agenda::Due;
use crate::state::job::{JobEntry, SpecStatus};
use crate::state::lease::LeaseEntry;
use crate::state::story::Earlier;
use crate::{Core, Forgotten, Now};

/// Jobs are forgotten at once until so many rows are: after a long pause any number of them may have to go, and
/// heartbeats wait while the disk lets go of them.
const ROWS_AT_ONCE: usize = 2_048;

impl Core {
    /// Forgets what was kept for long enough and is of no use to anybody. A job that is kept beyond its time is looked at
    /// again when whatever kept it changes.
    pub(super) fn forget_jobs(&mut self, now: Now, scope: &Scope) {
        for job in self.perhaps_forgotten(now, scope) {
            for earlier in self.useless_earlier(now, job) {
                self.forget_earlier(job, earlier);
            }
            if self.is_useless(now, job) {
                self.forget_job(job);
            }
        }
    }

    fn perhaps_forgotten(&mut self, now: Now, scope: &Scope) -> Vec<Address> {
        match scope {
            Scope::All => {
                let useless = |job: &Address| self.is_useless(now, *job) || !self.useless_earlier(now, *job).is_empty();
                self.some(self.jobs.keys().copied().filter(useless))
            }
            Scope::Due(jobs) => self.take_kept(now).into_iter().chain(jobs.iter().copied()).collect(),
            Scope::Jobs(jobs) => jobs.iter().copied().collect(),
        }
    }

    /// The first of the jobs, and as many more as are forgotten with it at once.
    pub(super) fn some(&self, jobs: impl Iterator<Item = Address>) -> Vec<Address> {
        let mut rows = 0;
        let fits = |job: &Address| {
            let fits = rows < ROWS_AT_ONCE;
            rows += 1 + self.leases_of(*job).len() + self.jobs.get(job).map_or(0, |entry| entry.tasks.len());
            fits
        };
        jobs.take_while(fits).collect()
    }

    fn is_useless(&self, now: Now, job: Address) -> bool {
        let Some(entry) = self.jobs.get(&job).filter(|entry| !entry.on_chain) else { return false };
        self.kept_until(job).is_some_and(|until| now.chain >= until)
            && !entry.crank.in_flight
            && !self.named_by.contains_key(&job)
            && self.leases_of(job).into_iter().all(is_settled)
    }

    fn useless_earlier(&self, now: Now, job: Address) -> Vec<Earlier> {
        let Some(entry) = self.jobs.get(&job) else { return Vec::new() };
        let over = |earlier: &&Earlier| now.chain >= self.end_of_keeping(earlier.closed_at);
        let useless = |earlier: &&Earlier| self.leases_before(job, earlier).into_iter().all(is_settled);
        entry.story().earlier.iter().filter(over).filter(useless).copied().collect()
    }

    /// Leases of the earlier job, and of those before it.
    fn leases_before(&self, job: Address, earlier: &Earlier) -> Vec<&LeaseEntry> {
        let mut leases = self.leases_of(job);
        leases.retain(|lease| lease.view.lease.opened_at < earlier.replaced_at);
        leases
    }

    fn forget_earlier(&mut self, job: Address, earlier: Earlier) {
        let leases: Vec<Address> = self.leases_before(job, &earlier).iter().map(|lease| lease.address).collect();
        self.forget_leases(&leases);
        self.unschedule_forgetting(job, earlier.closed_at);
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.story_mut().earlier.retain(|other| other.opened_slot != earlier.opened_slot);
        }
        self.touch_job(job);
        self.forgotten.push(Forgotten { job, opened_slot: earlier.opened_slot, leases, is_replaced: true });
    }

    /// What only a job with an account has went with that: its place in the queue, offers, seats, reservations.
    fn forget_job(&mut self, job: Address) {
        let leases: Vec<Address> = self.leases_of(job).iter().map(|lease| lease.address).collect();
        self.forget_leases(&leases);
        self.unschedule(job);
        self.forget_auctions(job);
        self.rounds.remove(&job);
        self.order_unknown.remove(&job);
        let Some(entry) = self.jobs.remove(&job) else { return };
        let opened_slot = entry.view.opened_slot;
        self.release_workload(&entry);
        self.forgotten.push(Forgotten { job, opened_slot, leases, is_replaced: false });
    }

    fn forget_leases(&mut self, leases: &[Address]) {
        for lease in leases {
            if let Some(entry) = self.leases.remove(lease) {
                self.leases_by_job.remove(&(entry.view.job, entry.view.number, *lease));
                self.stale_claims.remove(lease);
            }
        }
    }

    fn release_workload(&mut self, entry: &JobEntry) {
        if let SpecStatus::Known(asked) = &entry.spec {
            asked.release(&mut self.workloads);
        }
    }

    /// Another job is at the address, or the first one.
    pub(crate) fn replace(&mut self, now: Now, job: Address, mut entry: JobEntry) {
        self.drop_naming(job);
        if let Some(before) = self.jobs.remove(&job) {
            let mut earlier = before.story().earlier.clone();
            let closed_at = before.story().closed_at.unwrap_or(now.chain);
            let (opened_slot, replaced_at) = (before.view.opened_slot, entry.view.opened_at);
            earlier.push(Earlier { opened_slot, closed_at, replaced_at });
            entry.story_mut().earlier = earlier;
            self.agenda.change(job, before.due, entry.due);
            self.release_workload(&before);
        }
        self.jobs.insert(job, entry.into());
        self.schedule_forgetting(job);
    }

    /// The job is kept from now on, if it has no account any more.
    pub(crate) fn keep(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if !entry.on_chain && entry.story().closed_at.is_none() {
            entry.story_mut().closed_at = Some(now.chain);
            self.touch_job(job);
        }
        self.schedule_forgetting(job);
    }

    /// The job, which has an account, is to run after others.
    pub(crate) fn note_naming(&mut self, job: Address) {
        for first in self.jobs.get(&job).map(|entry| named(entry)).unwrap_or_default() {
            self.named_by.entry(first).or_default().insert(job);
        }
    }

    /// Its account is gone, and nothing is kept for it any more.
    pub(crate) fn drop_naming(&mut self, job: Address) {
        for first in self.jobs.get(&job).map(|entry| named(entry)).unwrap_or_default() {
            let Some(naming) = self.named_by.get_mut(&first) else { continue };
            naming.remove(&job);
            if naming.is_empty() {
                self.named_by.remove(&first);
                self.bring_forward(first, Due { millis: 0, ..Due::NEVER });
            }
        }
    }
}

/// Whether nothing of it is on chain or on its way there.
fn is_settled(entry: &LeaseEntry) -> bool {
    !entry.on_chain() && !entry.crank.in_flight
}

/// The jobs that this one is to run after.
fn named(entry: &JobEntry) -> Vec<Address> {
    entry.workload().map_or_else(Vec::new, |workload| workload.after.iter().map(|first| first.job).collect())
}
