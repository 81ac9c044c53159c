use std::collections::BTreeSet;

use millrace_protocol::{Address, JobState};

use crate::state::job::Outcome;
use crate::{Core, JobEntry};

impl Core {
    /// Has the tasks of a lease made again that lost a dispute over a finding before the rest of the job's leases had
    /// ended.
    pub(in crate::decide) fn redo_refuted(&mut self, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let view = &entry.view.job;
        let open = matches!(view.state, JobState::Open | JobState::Active);
        if !open || !matches!(entry.outcome, None | Some(Outcome::Completed)) {
            return;
        }
        let refuted = self.refuted_leases(entry);
        if refuted.is_empty() {
            return;
        }
        let wrong = entry.tasks_done_by(|lease| refuted.contains(lease));
        if wrong.is_empty() {
            return;
        }
        let nodes: Vec<Address> =
            refuted.iter().filter_map(|lease| self.leases.get(lease)).map(|lease| lease.view.node).collect();
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        entry.outcome = None;
        entry.story_mut().failed_nodes.extend(nodes);
        self.redo_tasks(job, &wrong);
        self.touch_job(job);
    }

    /// Leases that lost a dispute over a finding. The job's account does not name the ruling: it has one failed attempt
    /// more where the buyer was right. Where another lease failed in the same time tasks are made again for nothing,
    /// which is the lesser evil.
    pub(super) fn refuted_leases(&self, entry: &JobEntry) -> BTreeSet<Address> {
        let failed = entry.view.job.attempts_failed;
        let findings = entry.story().findings.iter().filter(|finding| failed > finding.attempts_failed);
        findings.map(|finding| finding.first.lease).filter(|lease| self.is_ruled_on(lease)).collect()
    }
}
