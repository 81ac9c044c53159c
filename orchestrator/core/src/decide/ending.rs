use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Address, LeaseOutcome};
use millrace_spec::Sha256;

use crate::state::job::Outcome;
use crate::state::lease::Stage;
use crate::state::task::Cause;
use crate::{Action, Core, Now};

/// Milliseconds a live worker may take to report the end of a lease.
pub(super) const REPORT_PATIENCE: u64 = 60_000;
/// Milliseconds for which a lease is kept and paid for a replica that is about to start again.
const IDLE_PATIENCE: u64 = 30_000;

impl Core {
    /// Ends the leases that have nothing more to do: the job is over, nothing is left to hand out,
    /// or the lease has run as long as it may be paid for.
    pub(super) fn end_leases(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        if entry.is_counted() {
            return self.end_members(now, job);
        }
        let over = entry.outcome.is_some();
        let known = entry.workload().is_some();
        self.retire_succeeded(now, job);
        let mut pending = self.kept_busy(now, job);
        let checks = self.servable_checks(now, job);
        for lease in self.open_leases_of(job) {
            let Some(entry) = self.leases.get(&lease).filter(|entry| entry.stage == Stage::Working) else { continue };
            if !self.attends(lease) {
                continue;
            }
            if over {
                self.begin_end(now, lease, ExitClass::Completed);
                continue;
            }
            // Past its end a silent lease is left to the chain's deadline all the same.
            if !entry.silenced && entry.is_preempted(now.chain) {
                self.send_away(now, job, lease);
                pending = self.kept_busy(now, job);
                continue;
            }
            let past_end = !entry.silenced && now.chain >= entry.view.lease.ends_by;
            let exhausted = past_end || entry.meter.exhausted(&entry.view.lease);
            if exhausted {
                self.interrupt(job, lease);
                self.begin_end(now, lease, self.class_of_release(job));
                pending = self.kept_busy(now, job);
                continue;
            }
            let idle = known && !self.is_busy(lease);
            // A silent worker's lease is left to its return or to its deadline: the rules of the
            // chain, not the scheduler, say what its silence costs.
            let entry = &self.leases[&lease];
            if idle && !entry.silenced && !checks.contains_key(&lease) {
                // Whoever has notice gets no further task: its node is free the sooner.
                match pending.checked_sub(1).filter(|_| !entry.has_notice()) {
                    Some(rest) => pending = rest,
                    None => self.begin_end(now, lease, self.class_of_release(job)),
                }
            }
        }
        self.conclude(job);
    }

    /// Tasks for which leases without work are kept.
    fn kept_busy(&self, now: Now, job: Address) -> usize {
        let soon = now.millis.saturating_add(IDLE_PATIENCE);
        self.jobs.get(&job).map_or(0, |entry| self.waiting(now, job, entry, soon))
    }

    /// The notice of a spot lease is over: its task goes elsewhere, and that counts against nobody.
    fn send_away(&mut self, now: Now, job: Address, lease: Address) {
        let active = self.active_task(lease);
        self.begin_end(now, lease, self.class_of_release(job));
        let Some((number, entry)) = active.zip(self.jobs.get_mut(&job)) else { return };
        entry.tasks.change(number, |task| task.last_failure = Some(preempted(number)));
        self.touch_task(job, number);
    }

    /// A task that outlasts its lease is the buyer's to answer for: more of the same lease would only burn the
    /// deposit. One that had less than half of a lease begins anew with a clean slate.
    fn interrupt(&mut self, job: Address, lease: Address) {
        let active = self.active_task(lease);
        self.stop_and_requeue(lease);
        let Some(number) = active else { return };
        let had_its_share = self.leases.get(&lease).is_some_and(|entry| {
            let had = entry.meter.millis.saturating_sub(entry.handed_out_at);
            had >= entry.view.lease.maximum.0.saturating_mul(1_000) / 2
        });
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if !had_its_share || entry.is_service() {
            return;
        }
        let retries = entry.workload().map_or(0, |workload| workload.task_retries);
        let cause = Cause {
            code: "lease-too-short".to_owned(),
            message: format!("task {number} was not done when its lease had run as long as it may"),
            hint: "allow longer leases, or split the work into smaller tasks".to_owned(),
        };
        let failed = entry.tasks.change(number, |task| {
            task.last_failure = Some(cause.clone());
            task.blame(retries)
        });
        if failed == Some(true) {
            entry.outcome.get_or_insert(Outcome::Failed(cause.clone().into()));
        }
        entry.story_mut().last_failure = Some(cause);
        self.touch_task(job, number);
        self.touch_job(job);
    }

    /// Stops the lease's meter and asks its worker for the report. A lease whose worker is silent
    /// gets its final voucher without one, see [`Core::finalize_unreported`].
    pub(crate) fn begin_end(&mut self, now: Now, lease: Address, class: ExitClass) {
        let Some(entry) = self.leases.get_mut(&lease).filter(|entry| entry.stage == Stage::Working) else { return };
        entry.stage = Stage::Ending { class, since: now.millis };
        self.touch_lease(lease);
        self.stop_and_requeue(lease);
        self.order_end(lease);
    }

    /// Asks the worker for the lease's report. Where its result is counted, it commits to that before.
    pub(crate) fn order_end(&mut self, lease: Address) {
        let Some(entry) = self.leases.get(&lease) else { return };
        let Stage::Ending { class, .. } = entry.stage else { return };
        let node = entry.view.node;
        let counted = self.is_counted(entry.view.job) && is_result(class);
        if self.is_connected(node) {
            self.push(Action::EndLease { node, lease, counted });
        }
    }

    /// Issues the final voucher for a lease that its worker has reported.
    pub(crate) fn finalize_if_reported(&mut self, now: Now, lease: Address) {
        let counted = self.leases.get(&lease).is_some_and(|entry| self.is_counted(entry.view.job));
        if !counted || self.member_class(lease).is_some() {
            self.finalize(now, lease);
        }
    }

    pub(super) fn finalize_unreported(&mut self, now: Now, leases: &[Address]) {
        for lease in leases.iter().copied().filter(|lease| self.open_leases.contains(*lease)).collect::<Vec<_>>() {
            let Some(entry) = self.leases.get(&lease) else { continue };
            let Stage::Ending { class, since } = entry.stage else { continue };
            if self.is_counted(entry.view.job) && is_result(class) {
                // Its commitment is its report.
                self.finalize_if_reported(now, lease);
                continue;
            }
            let overdue = now.millis.saturating_sub(since) > REPORT_PATIENCE;
            if overdue || self.is_silent(now, entry.view.node) {
                self.finalize(now, lease);
            }
        }
    }

    /// Issues the lease's final voucher.
    pub(crate) fn finalize(&mut self, now: Now, lease: Address) {
        let Some(entry) = self.leases.get(&lease) else { return };
        let Stage::Ending { class, .. } = entry.stage else { return };
        let node = entry.view.node;
        // Who has not committed yet must not read a member's root from its voucher.
        let counted = self.is_counted(entry.view.job);
        let result_root = if counted { Sha256::default() } else { self.result_root(lease) };
        // The job's own end decides: whichever lease ends last must not put it back on the market.
        let class = match self.jobs.get(&entry.view.job).and_then(|job| job.outcome.as_ref()) {
            _ if counted => self.member_class(lease).unwrap_or(ExitClass::NodeFault),
            Some(Outcome::Failed(_)) => ExitClass::Failed,
            Some(Outcome::Completed | Outcome::Cancelled | Outcome::Expired) => ExitClass::Completed,
            None => class,
        };
        let Some(mut voucher) = self.next_voucher(now, lease) else { return };
        voucher.is_final = true;
        voucher.exit_class = class;
        voucher.result_root = result_root.0;
        if let Some(entry) = self.leases.get_mut(&lease) {
            entry.voucher = Some(voucher);
            entry.stage = Stage::Final;
        }
        self.touch_lease(lease);
        if self.is_connected(node) {
            self.push(Action::IssueVoucher { node, voucher });
        }
    }
}

/// Whether a count judges it, where results are counted.
pub(crate) fn is_result(class: ExitClass) -> bool {
    LeaseOutcome::from(class).finishes_job()
}

/// Why a task goes elsewhere whose spot lease had notice.
pub(crate) fn preempted(number: u32) -> Cause {
    Cause {
        code: "preempted".to_owned(),
        message: format!("the spot lease that task {number} ran under was ended with notice"),
        hint: "nothing to do: the task runs again on another node; leave out `spot` for leases that stay".to_owned(),
    }
}
