//! Rounds of jobs whose results are counted: so many leases with as many providers, each of which does all of the
//! job's tasks for itself, commits to what it made, and shows it once all have committed. What most of them made is
//! the job's result. Nothing of one member's work counts for the job before the verdict.
//!
//! A round is opened with its first lease, in one transaction, and closed when each of its members is settled; a round
//! without a verdict costs the job one attempt, and the next one begins anew. The chain holds all of it: what is kept
//! here is what each member has done of the tasks, so that the winner's are the job's in the end.

mod closing;
mod copies;
mod handout;
mod membership;
mod release;
mod tally;
mod verdict;

use millrace_protocol::{Address, Verification};

use crate::state::job::JobEntry;
use crate::state::quorum_round::QuorumRound;
use crate::{Core, Now};

pub use membership::TooFew;

impl JobEntry {
    /// Whether results of its leases are counted.
    pub fn is_counted(&self) -> bool {
        self.view.job.terms.verification.is_quorum()
    }

    /// Results that win, and members of a round.
    pub(crate) fn votes(&self) -> Option<(u8, u8)> {
        match self.view.job.terms.verification {
            Verification::Quorum { needed, size } => Some((needed, size)),
            Verification::Attested | Verification::SpotCheck { .. } | Verification::AttestedHardware { .. } => None,
        }
    }
}

impl Core {
    /// The job's present round; none before it is opened, and once it is closed.
    pub fn round(&self, job: Address) -> Option<&QuorumRound> {
        let current = self.jobs.get(&job)?.view.quorum_round;
        self.rounds.get(&job).filter(|round| round.number == current)
    }

    /// Moves rounds that wait for nobody but a crank.
    pub(super) fn crank_rounds(&mut self, now: Now, jobs: &[Address]) {
        for job in jobs.iter().copied().filter(|job| self.open_jobs.contains(job)).collect::<Vec<_>>() {
            self.tally(now, job);
            self.close_round(now, job);
        }
    }

    pub(crate) fn is_counted(&self, job: Address) -> bool {
        self.jobs.get(&job).is_some_and(|entry| entry.is_counted())
    }
}
