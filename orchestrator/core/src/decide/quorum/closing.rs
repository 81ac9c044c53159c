use millrace_protocol::{Address, JobState};

use crate::{Action, Core, Now};

impl Core {
    /// Closes rounds of which nobody is left: settled by the count, or gone before it.
    pub(super) fn close_round(&mut self, now: Now, job: Address) {
        let Some((entry, round)) = self.jobs.get(&job).zip(self.round(job)) else { return };
        let waits = round.crank.in_flight || now.millis < round.crank.again_at;
        if waits || entry.offer.is_some() || !entry.view.quorum_open || !round.quorum.is_over() {
            return;
        }
        // One that is empty, and was not opened here, is as good as a new one.
        let wanted = round.quorum.joined == 0 && entry.working();
        let settled = matches!(entry.view.job.state, JobState::Open | JobState::Done | JobState::Expired);
        if settled && !wanted {
            self.crank_round(job, Action::CloseQuorum { job });
        }
    }
}
