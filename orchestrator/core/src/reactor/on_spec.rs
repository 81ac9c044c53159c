use millrace_protocol::Address;

use crate::state::job::{Asked, Outcome, SpecStatus};
use crate::state::task::Cause;
use crate::state::tasks::Tasks;
use crate::{Core, Now, Workload};

/// Milliseconds until a missing spec is asked for again.
const SPEC_RETRY: u64 = 2_000;

impl Core {
    pub(crate) fn on_spec_fetched(&mut self, job: Address, workload: Workload) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if entry.workload().is_some() {
            return;
        }
        entry.tasks = Tasks::new(workload.tasks);
        entry.spec = SpecStatus::Known(Asked::from(workload).shared(&mut self.workloads));
        self.touch_job(job);
        if self.open_jobs.contains(&job) {
            self.note_naming(job);
        }
        // Its leases take more of their nodes than was known.
        self.stale_claims.extend(self.open_leases.of_job(job));
    }

    pub(crate) fn on_spec_failed(&mut self, now: Now, job: Address, cause: Cause, permanent: bool) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if entry.workload().is_some() {
            return;
        }
        entry.story_mut().last_failure = Some(cause.clone());
        if permanent {
            entry.spec = SpecStatus::Unusable(cause.clone().into());
            entry.outcome.get_or_insert(Outcome::Failed(cause.into()));
        } else {
            entry.spec = SpecStatus::Wanted { again_at: now.millis + SPEC_RETRY, cause: Some(cause.into()) };
        }
        self.touch_job(job);
    }
}
