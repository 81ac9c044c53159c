use millrace_protocol::{Address, JobState};

use crate::{Action, Core, Now};

impl Core {
    /// Moves jobs that wait for nobody but a crank: past their start deadline, or over.
    pub(super) fn crank_jobs(&mut self, now: Now, jobs: &[Address]) {
        for job in jobs.iter().copied() {
            if !self.open_jobs.contains(&job) {
                continue;
            }
            let Some(entry) = self.jobs.get(&job) else { continue };
            if entry.crank.in_flight || now.millis < entry.crank.again_at {
                continue;
            }
            // A job's story is closed only once it says what each of its leases was paid in the end.
            let over = matches!(entry.view.job.state, JobState::Done | JobState::Expired);
            if over && self.leases_of(job).iter().any(|lease| lease.crank.in_flight) {
                continue;
            }
            let Some(entry) = self.jobs.get_mut(&job) else { continue };
            let action = match entry.view.job.state {
                JobState::Open if entry.offer.is_none() && entry.past_start_deadline(now.chain) => {
                    Action::ExpireJob { job }
                }
                JobState::Done | JobState::Expired if entry.view.job.live_leases == 0 && !entry.view.quorum_open => {
                    Action::CloseJob { job }
                }
                _ => continue,
            };
            entry.crank.in_flight = true;
            self.push(action);
        }
    }
}
