use millrace_protocol::Address;
use millrace_protocol::quorum::Verdict;

use crate::{Action, Core, Now};

impl Core {
    /// Counts the results of rounds in which everybody who can has shown one, or the time is over.
    pub(super) fn tally(&mut self, now: Now, job: Address) {
        let Some(round) = self.round(job) else { return };
        let mut counted = round.quorum;
        let due = counted.verdict == Verdict::Open && counted.tally(now.chain).is_ok();
        if due && !round.crank.in_flight && now.millis >= round.crank.again_at {
            self.crank_round(job, Action::TallyQuorum { job });
        }
    }

    pub(super) fn crank_round(&mut self, job: Address, action: Action) {
        if let Some(round) = self.rounds.get_mut(&job) {
            round.crank.in_flight = true;
            self.push(action);
        }
    }
}
