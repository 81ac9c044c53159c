//! Jobs that come after others.

use std::collections::BTreeSet;

use millrace_protocol::Address;
use millrace_spec::{After, Condition};

use crate::state::job::{JobEntry, Outcome};
use crate::state::task::Cause;
use crate::{Core, Now};

/// Milliseconds for which a job is waited for that nobody has seen: its opening may be on its way, and after a
/// restart the chain is read in any order.
pub(super) const UNKNOWN_PATIENCE: u64 = 120_000;

impl Core {
    /// Whether everything that comes before the job is as it wants it.
    pub(super) fn is_next(&self, entry: &JobEntry) -> bool {
        self.awaited(entry).is_none()
    }

    /// The first job that this one still waits for.
    pub(crate) fn awaited(&self, entry: &JobEntry) -> Option<Address> {
        let after = entry.workload().map(|workload| workload.after.as_slice()).unwrap_or_default();
        after.iter().find(|first| !self.is_met(first)).map(|first| first.job)
    }

    /// Ends a job whose turn never comes: its deposit need not wait for the start deadline if the buyer cancels.
    pub(super) fn refuse_order(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        if has_begun(entry) || self.is_next(entry) {
            self.order_unknown.remove(&job);
            return;
        }
        let after = entry.workload().map(|workload| workload.after.clone()).unwrap_or_default();
        let unknown = after.iter().find(|first| !self.jobs.contains_key(&first.job)).map(|first| first.job);
        let since = match unknown {
            Some(_) => *self.order_unknown.entry(job).or_insert(now.millis),
            None => {
                self.order_unknown.remove(&job);
                now.millis
            }
        };
        let overdue = now.millis.saturating_sub(since) > UNKNOWN_PATIENCE;
        let cause = if let Some(first) = after.iter().find(|first| self.is_missed(first)) {
            refusal("dependency-failed", format!("it was to run after {} has completed, which it has not", first.job))
        } else if self.is_before_itself(job, &after) {
            refusal("dependency-cycle", "it is to run after jobs that are to run after it".to_owned())
        } else if let Some(first) = unknown.filter(|_| overdue) {
            refusal("dependency-unknown", format!("it is to run after {first}, and there is no such job"))
        } else {
            return;
        };
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.story_mut().last_failure = Some(cause.clone());
            entry.outcome = Some(Outcome::Failed(cause.into()));
        }
        self.order_unknown.remove(&job);
        self.touch_job(job);
    }

    fn is_met(&self, first: &After) -> bool {
        let outcome = self.jobs.get(&first.job).and_then(|entry| entry.outcome.as_ref());
        match first.on {
            Condition::Completed => outcome == Some(&Outcome::Completed),
            Condition::Ended => outcome.is_some(),
        }
    }

    /// Whether the other job is over and has not come to what was waited for.
    fn is_missed(&self, first: &After) -> bool {
        let over = self.jobs.get(&first.job).is_some_and(|entry| entry.outcome.is_some());
        over && !self.is_met(first)
    }

    fn is_before_itself(&self, job: Address, after: &[After]) -> bool {
        let mut seen = BTreeSet::new();
        let mut next: Vec<Address> = after.iter().map(|first| first.job).collect();
        while let Some(first) = next.pop() {
            if first == job {
                return true;
            }
            if seen.insert(first)
                && let Some(workload) = self.job(first).and_then(JobEntry::workload)
            {
                next.extend(workload.after.iter().map(|first| first.job));
            }
        }
        false
    }
}

/// With a lease a job's turn has come already.
pub(super) fn has_begun(entry: &JobEntry) -> bool {
    entry.outcome.is_some() || entry.view.job.leases_opened > 0
}

fn refusal(code: &str, message: String) -> Cause {
    let hint = "cancel it to have its deposit back at once, and open it again after jobs that can come first";
    Cause { code: code.to_owned(), message, hint: hint.to_owned() }
}
