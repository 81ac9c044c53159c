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
        let wrong = entry.tasks_done_by(|lease| self.is_ruled_on(lease));
        let Some(entry) = self.jobs.get_mut(&job).filter(|_| !wrong.is_empty()) else { return };
        entry.outcome = None;
        self.redo_tasks(job, &wrong);
        self.touch_job(job);
    }

    /// A lease that was disputed and has ended: by a ruling, or for want of one.
    pub(super) fn is_ruled_on(&self, lease: &Address) -> bool {
        let lease = self.leases.get(lease);
        lease.is_some_and(|lease| lease.stage == Stage::Over && lease.view.lease.state == LeaseState::Disputed)
    }
}

impl crate::JobEntry {
    /// Numbers of the tasks whose results these leases made.
    pub(super) fn tasks_done_by(&self, of: impl Fn(&Address) -> bool) -> Vec<u32> {
        let tasks = (0u32..).zip(self.tasks.iter());
        let made = tasks.filter(|(_, task)| matches!(&task.state, TaskState::Done { lease } if of(lease)));
        made.map(|(number, _)| number).collect()
    }
}
