use std::collections::BTreeSet;

use millrace_protocol::{Address, JobState};

use crate::Core;
use crate::state::job::Outcome;

impl Core {
    /// Has the tasks of a lease made again that lost a dispute over a finding before the rest of the job's leases had
    /// ended. The job's account does not name the ruling: it has one failed attempt more where the buyer was right.
    /// Where another lease failed in the same time the tasks are made again for nothing, which is the lesser evil.
    pub(in crate::decide) fn redo_refuted(&mut self, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let view = &entry.view.job;
        let open = matches!(view.state, JobState::Open | JobState::Active);
        if !open || !matches!(entry.outcome, None | Some(Outcome::Completed)) {
            return;
        }
        let findings = entry.story().findings.iter().filter(|finding| view.attempts_failed > finding.attempts_failed);
        let refuted: BTreeSet<Address> =
            findings.map(|finding| finding.first.lease).filter(|lease| self.is_ruled_on(lease)).collect();
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
}
