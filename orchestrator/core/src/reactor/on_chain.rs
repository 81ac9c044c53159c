use millrace_protocol::{Address, JobState, UnixSeconds};

use crate::state::check::CheckState;
use crate::state::job::{JobEntry, Outcome};
use crate::state::lease::{LeaseEntry, Stage};
use crate::state::task::{Cause, TaskState};
use crate::{Core, JobView, LeaseView, Now};

impl Core {
    pub(crate) fn on_job_seen(&mut self, now: Now, job: Address, view: JobView) {
        let known = self.jobs.get(&job);
        // Another job under the same id is a new one: nothing of the old one holds for it.
        let is_new = known.is_none_or(|entry| view.opened_slot > entry.view.opened_slot);
        if is_new {
            self.set_offer(now, job, None);
            self.drop_assembly(now, job);
            self.forget_room(now, job);
            self.forget_auctions(job);
            self.rounds.remove(&job);
            self.delist(job);
            self.unbooked.remove(&job);
            self.replace(now, job, JobEntry::new(view));
            self.open_jobs.insert(job);
            self.stale_claims.extend(self.open_leases.of_job(job));
            self.touch_job(job);
        }
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if !entry.on_chain || view.is_older_than(&entry.view) {
            return;
        }
        let before = (entry.view, entry.outcome.is_some());
        entry.view = view;
        learn_outcome(entry);
        if before != (view, entry.outcome.is_some()) {
            self.touch_job(job);
        }
    }

    pub(crate) fn on_lease_seen(&mut self, now: Now, lease: Address, view: LeaseView) {
        if let Some(entry) = self.leases.get_mut(&lease) {
            if entry.on_chain() && entry.view != view && !view.is_older_than(&entry.view) {
                let had_notice = entry.has_notice();
                entry.view = view;
                self.touch_lease(lease);
                self.notice_report(lease);
                if !had_notice {
                    self.tell_notice(now, lease);
                }
            }
            return;
        }
        let mut entry = LeaseEntry::new(lease, view);
        // Nothing on disk, but the chain knows of redeemed time: the meter goes on from there.
        entry.meter.millis = view.lease.metered.0.saturating_mul(1_000);
        self.insert_lease(lease, entry);
        self.open_leases.insert(lease, view.job, view.node);
        self.touch_lease(lease);
        if let Some(proof) = self.proofs.get_mut(&view.node) {
            proof.used = true;
        }
        // Its worker gets the usual patience to say a word, counted from now.
        self.market.expect(now, view.node);
        self.notice_report(lease);
    }

    /// The chain has taken the lease's final voucher: its node is free, its money waits.
    fn notice_report(&mut self, lease: Address) {
        let reported = |entry: &&mut LeaseEntry| !entry.view.lease.state.is_live() && entry.is_live();
        let Some(entry) = self.leases.get_mut(&lease).filter(reported) else { return };
        let (node, foreseen) = (entry.view.node, entry.stage == Stage::Final);
        entry.stage = Stage::Reported;
        self.touch_lease(lease);
        self.requeue_tasks(lease);
        if self.is_connected(node) && !foreseen {
            self.push(crate::Action::LeaseOver { node, lease });
        }
    }

    pub(crate) fn on_account_gone(&mut self, now: Now, address: Address) {
        self.market.remove_node(now, address);
        self.forget_reserved_node(now, address);
        self.market.remove_provider(now, address);
        self.forget_proof(address);
        if self.jobs.get(&address).is_some_and(|entry| entry.on_chain) {
            self.close_entry(now, address);
        }
        if self.leases.get(&address).is_some_and(LeaseEntry::on_chain) {
            self.lease_gone(now, address);
        }
    }

    /// The job's account is gone; its story stays for a time.
    pub(crate) fn close_entry(&mut self, now: Now, job: Address) {
        self.open_jobs.remove(&job);
        self.set_offer(now, job, None);
        self.drop_assembly(now, job);
        self.forget_room(now, job);
        self.delist(job);
        self.heed_verdict(job);
        self.rounds.remove(&job);
        self.drop_naming(job);
        self.book_from_ledger(job);
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.on_chain = false;
            if entry.outcome.is_none() {
                entry.outcome = Some(Outcome::Failed(ended_by_chain(entry).into()));
            }
            self.touch_job(job);
            self.keep(now, job);
        }
    }

    fn lease_gone(&mut self, now: Now, lease: Address) {
        let Some(entry) = self.leases.get_mut(&lease) else { return };
        let (job, node, number) = (entry.view.job, entry.view.node, entry.view.number);
        self.open_leases.remove(lease, job, node);
        let foreseen = matches!(entry.stage, Stage::Final | Stage::Reported);
        // A final voucher under way is booked when its transaction is.
        if entry.stage != Stage::Final {
            self.book_end(lease);
        }
        let Some(entry) = self.leases.get_mut(&lease) else { return };
        entry.stage = Stage::Over;
        let is_unbooked = entry.is_unbooked();
        self.touch_lease(lease);
        self.requeue_tasks(lease);
        if let Some(job_entry) = self.jobs.get_mut(&job) {
            job_entry.story_mut().decisions.remove(&number);
        }
        if !foreseen && let Some(job_entry) = self.jobs.get_mut(&job) {
            // Ended by a deadline, not by a voucher: the node failed the job.
            job_entry.story_mut().failed_nodes.insert(node);
            self.touch_job(job);
        }
        if is_unbooked && self.open_jobs.contains(&job) {
            self.await_ledger(now, job);
        }
        if self.is_connected(node) && !foreseen {
            self.push(crate::Action::LeaseOver { node, lease });
        }
    }

    /// Puts what the lease works on back into the queue. Returns the tasks and their attempts.
    pub(crate) fn requeue_tasks(&mut self, lease: Address) -> Vec<(u32, u32)> {
        let active: Vec<u32> = self.tasks_of(lease).into_iter().flat_map(|tasks| tasks.active(lease)).collect();
        let mut requeued = Vec::new();
        for number in active {
            let attempt = self.change_task(lease, number, |task| {
                task.state = TaskState::Pending;
                task.attempt
            });
            requeued.extend(attempt.map(|attempt| (number, attempt)));
            self.touch_task_of(lease, number);
        }
        let Some(job) = self.leases.get(&lease).map(|entry| entry.view.job) else { return requeued };
        let Some(entry) = self.jobs.get_mut(&job) else { return requeued };
        if let Some(number) = entry.tasks.checked_by(lease) {
            let attempt = entry.tasks.change_check(number, |check| {
                check.state = CheckState::Waiting;
                check.attempt
            });
            requeued.extend(attempt.map(|attempt| (number, attempt)));
            self.touch_task(job, number);
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
        // Only what was still to be compared is missing.
        JobState::Done | JobState::Expired if is_compared_late(entry) => Some(Outcome::Completed),
        JobState::Expired => Some(Outcome::Expired),
        _ if entry.view.job.cancelled_at != UnixSeconds::ZERO => Some(Outcome::Cancelled),
        JobState::Cancelling => Some(Outcome::Cancelled),
        // The round's verdict says what of.
        JobState::Done if entry.is_counted() && entry.view.job.completed => None,
        JobState::Done => Some(Outcome::Failed(ended_by_chain(entry).into())),
    };
}

/// Whether all its tasks are done, and it ended on chain before all were compared that were to be.
fn is_compared_late(entry: &JobEntry) -> bool {
    let cancelled = entry.view.job.cancelled_at != UnixSeconds::ZERO;
    entry.is_spot_checked() && !cancelled && entry.tasks.all_done()
}

fn ended_by_chain(entry: &JobEntry) -> Cause {
    entry.story().last_failure.clone().unwrap_or_else(|| Cause {
        code: "job-ended".to_owned(),
        message: "the job used up its attempts or its deposit before its tasks were done".to_owned(),
        hint: "open a new job with a larger deposit or more retries".to_owned(),
    })
}
