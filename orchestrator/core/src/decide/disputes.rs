use millrace_protocol::{Address, JobState, LeaseState};

use crate::Core;
use crate::state::job::Outcome;
use crate::state::lease::Stage;
use crate::state::task::TaskState;

impl Core {
    /// A job that was done and is open again lost a dispute about its results: what the disputed leases
    /// made is to be made again.
    pub(super) fn redo_disputed(&mut self, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let reopened = entry.view.job.state == JobState::Open && !entry.view.job.completed;
        if !reopened || entry.outcome != Some(Outcome::Completed) {
            return;
        }
        let ruled_on = |lease: &Address| {
            let lease = self.leases.get(lease);
            lease.is_some_and(|lease| lease.stage == Stage::Over && lease.view.lease.state == LeaseState::Disputed)
        };
        let wrong: Vec<u32> = (0u32..)
            .zip(entry.tasks.iter())
            .filter(|(_, task)| matches!(&task.state, TaskState::Done { lease } if ruled_on(lease)))
            .map(|(number, _)| number)
            .collect();
        let Some(entry) = self.jobs.get_mut(&job).filter(|_| !wrong.is_empty()) else { return };
        entry.outcome = None;
        self.redo_tasks(job, &wrong);
        self.touch_job(job);
    }
}
