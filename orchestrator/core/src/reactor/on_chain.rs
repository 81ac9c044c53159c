use millrace_protocol::{Address, JobState, Stake, UnixSeconds};

use crate::state::job::{JobEntry, Outcome};
use crate::state::lease::{LeaseEntry, Stage};
use crate::state::node::{NodeEntry, Worker};
use crate::state::task::{Cause, TaskState};
use crate::{Core, JobView, LeaseView, NodeView, Now};

impl Core {
    pub(crate) fn on_provider_seen(&mut self, provider: Address, slot: u64, stake: Stake) {
        let known = self.providers.entry(provider).or_insert((slot, stake));
        if slot >= known.0 {
            *known = (slot, stake);
        }
    }

    pub(crate) fn on_node_seen(&mut self, node: Address, slot: u64, view: NodeView) {
        let entry = self.nodes.entry(node).or_insert(NodeEntry { view, slot });
        if slot >= entry.slot {
            *entry = NodeEntry { view, slot };
        }
    }

    pub(crate) fn on_job_seen(&mut self, job: Address, slot: u64, view: JobView) {
        let entry = match self.jobs.get_mut(&job) {
            None => {
                self.open_jobs.insert(job);
                self.touch_job(job);
                self.jobs.entry(job).or_insert(JobEntry::new(view, slot))
            }
            Some(entry) if slot < entry.slot => return,
            Some(entry) if entry.view.opened_slot != view.opened_slot => {
                // Another job under the same id: nothing of the old one holds for it.
                *entry = JobEntry::new(view, slot);
                self.open_jobs.insert(job);
                self.touch_job(job);
                self.jobs.entry(job).or_insert(JobEntry::new(view, slot))
            }
            Some(entry) if !entry.on_chain => return,
            Some(entry) => entry,
        };
        entry.slot = slot;
        let changed = entry.view != view;
        entry.view = view;
        let outcome_before = entry.outcome.is_some();
        learn_outcome(entry);
        if changed || outcome_before != self.jobs[&job].outcome.is_some() {
            self.touch_job(job);
        }
    }

    pub(crate) fn on_lease_seen(&mut self, now: Now, lease: Address, slot: u64, view: LeaseView) {
        if let Some(entry) = self.leases.get_mut(&lease) {
            // A redeemed sequence never falls: a lower one is an older reading.
            let older = slot < entry.slot || view.lease.sequence < entry.view.lease.sequence;
            if older || entry.stage == Stage::Over {
                return;
            }
            entry.slot = slot;
            if entry.view != view {
                entry.view = view;
                self.touch_lease(lease);
            }
            return;
        }
        let mut entry = LeaseEntry::new(lease, view, slot);
        // Nothing on disk, but the chain knows of redeemed time: the meter goes on from there.
        entry.meter.millis = view.lease.metered.0.saturating_mul(1_000);
        self.leases.insert(lease, entry);
        self.open_leases.insert(lease);
        self.touch_lease(lease);
        // Its worker gets the usual patience to say a word, counted from now.
        self.workers.entry(view.node).or_insert(Worker { last_heard: now.millis, ..Worker::default() });
    }

    pub(crate) fn on_account_gone(&mut self, address: Address, slot: u64) {
        if self.nodes.get(&address).is_some_and(|entry| slot >= entry.slot) {
            self.nodes.remove(&address);
        }
        if self.providers.get(&address).is_some_and(|known| slot >= known.0) {
            self.providers.remove(&address);
        }
        if self.jobs.get(&address).is_some_and(|entry| entry.on_chain && slot >= entry.slot) {
            self.close_entry(address);
        }
        if self.leases.get(&address).is_some_and(|entry| entry.on_chain() && slot >= entry.slot) {
            self.lease_gone(address);
        }
    }

    /// The job's account is gone; its story stays.
    pub(crate) fn close_entry(&mut self, job: Address) {
        self.open_jobs.remove(&job);
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.on_chain = false;
            entry.offer = None;
            if entry.outcome.is_none() {
                entry.outcome = Some(Outcome::Failed(ended_by_chain(entry)));
            }
            self.touch_job(job);
        }
    }

    fn lease_gone(&mut self, lease: Address) {
        self.open_leases.remove(&lease);
        let Some(entry) = self.leases.get_mut(&lease) else { return };
        let (job, node) = (entry.view.job, entry.view.node);
        let foreseen = entry.stage == Stage::Final;
        entry.stage = Stage::Over;
        self.touch_lease(lease);
        self.requeue_tasks(lease);
        if !foreseen && let Some(job_entry) = self.jobs.get_mut(&job) {
            // Ended by a deadline, not by a voucher: the node failed the job.
            job_entry.failed_nodes.insert(node);
            self.touch_job(job);
        }
        if self.is_connected(node) && !foreseen {
            self.push(crate::Action::LeaseOver { node, lease });
        }
    }

    /// Puts what the lease works on back into the queue. Returns the tasks and their attempts.
    pub(crate) fn requeue_tasks(&mut self, lease: Address) -> Vec<(u32, u32)> {
        let Some(job) = self.leases.get(&lease).map(|entry| entry.view.job) else { return Vec::new() };
        let Some(entry) = self.jobs.get_mut(&job) else { return Vec::new() };
        let mut requeued = Vec::new();
        for (number, task) in (0u32..).zip(&mut entry.tasks) {
            if task.active_lease() == Some(lease) {
                task.state = TaskState::Pending;
                requeued.push((number, task.attempt));
            }
        }
        for (number, _) in &requeued {
            self.touch_task(job, *number);
        }
        requeued
    }
}

/// What the chain says about how the job ended, where nothing better is known.
fn learn_outcome(entry: &mut JobEntry) {
    if entry.outcome.is_some() {
        return;
    }
    entry.outcome = match entry.view.job.state {
        JobState::Open | JobState::Active => None,
        JobState::Expired => Some(Outcome::Expired),
        _ if entry.view.job.cancelled_at != UnixSeconds::ZERO => Some(Outcome::Cancelled),
        JobState::Cancelling => Some(Outcome::Cancelled),
        JobState::Done => Some(Outcome::Failed(ended_by_chain(entry))),
    };
}

fn ended_by_chain(entry: &JobEntry) -> Cause {
    entry.last_failure.clone().unwrap_or_else(|| Cause {
        code: "job-ended".to_owned(),
        message: "the job used up its attempts or its deposit before its tasks were done".to_owned(),
        hint: "open a new job with a larger deposit or more retries".to_owned(),
    })
}
