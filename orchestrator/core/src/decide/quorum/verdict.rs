use std::collections::BTreeMap;

use millrace_protocol::quorum::{MemberState, Quorum, Verdict};
use millrace_protocol::{Address, LeaseOutcome};
use millrace_spec::{Sha256, merkle};

use crate::state::job::{JobEntry, Outcome};
use crate::state::lease::Stage;
use crate::state::task::{Cause, Task, TaskState};
use crate::{Core, LeaseEntry};

impl Core {
    /// What the member is to commit to.
    pub(crate) fn counted_root(&self, lease: Address) -> Sha256 {
        if self.failed_own_task(lease) { merkle::failed() } else { self.result_root(lease) }
    }

    /// Takes what the round came to: the winner's tasks are the job's, and paid for, also where the job had been given
    /// up or cancelled before the count.
    pub(crate) fn heed_verdict(&mut self, job: Address) {
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.is_counted() && !entry.has_verdict()) else {
            return;
        };
        let round = self.round(job).map(|round| round.quorum);
        match round.map_or(Verdict::Open, |quorum| quorum.verdict) {
            Verdict::Decided => {
                let winner = round.map_or([0; 32], |quorum| quorum.winner);
                self.adopt(job, self.of_root(job, Sha256(winner)));
            }
            Verdict::Failed if entry.outcome.is_none() => self.note_failed_round(job),
            // Somebody else has counted, settled and closed before anything of it was read.
            Verdict::Open if entry.outcome.is_none() && entry.view.job.completed && !entry.view.quorum_open => {
                self.adopt(job, self.majority(job));
            }
            Verdict::Failed | Verdict::Open => {}
        }
    }

    /// A member that showed this root, and whose results are those of the root.
    fn of_root(&self, job: Address, root: Sha256) -> Option<Address> {
        let round = self.round(job)?;
        let shown = |state| matches!(state, MemberState::Revealed | MemberState::Settled);
        let winners = round.quorum.joined().iter().filter(|member| shown(member.state) && member.hash == root.0);
        winners.map(|member| member.lease).find(|lease| self.counted_root(*lease) == root)
    }

    /// One of those members of the last round whose results are equal to enough others'.
    fn majority(&self, job: Address) -> Option<Address> {
        let (needed, _) = self.jobs.get(&job)?.votes()?;
        let has_result = |lease: &&LeaseEntry| lease.own_tasks.is_some() && self.has_result(lease.address);
        let leases: Vec<_> = self.leases_of_account(job).into_iter().filter(has_result).collect();
        let last = leases.iter().filter_map(|lease| lease.round).max()?;
        let mut votes: BTreeMap<Sha256, Vec<Address>> = BTreeMap::new();
        for lease in leases.iter().filter(|lease| lease.round == Some(last)) {
            votes.entry(self.counted_root(lease.address)).or_default().push(lease.address);
        }
        let winners = votes.into_values().find(|leases| leases.len() >= usize::from(needed))?;
        winners.first().copied()
    }

    /// Books what a lease came to that was settled by a deadline, as reported, or by its round's count. Whoever lost
    /// there is taken again only when no other fits.
    pub(crate) fn book_end(&mut self, lease: Address) {
        let Some(entry) = self.leases.get(&lease) else { return };
        let (job, node) = (entry.view.job, entry.view.node);
        let judged = self.rounds.get(&job).filter(|round| Some(round.number) == entry.round).and_then(|round| {
            let is_cancelled = self.jobs.get(&job).is_some_and(|entry| entry.view.job.is_cancelled());
            round.judgement_of(lease).or_else(|| outcome_of_settled(&round.quorum, lease, is_cancelled))
        });
        let Some((entry, job_entry)) = self.leases.get_mut(&lease).zip(self.jobs.get_mut(&job)) else { return };
        if let Some(outcome) = judged.filter(|_| entry.stage == Stage::Reported) {
            entry.book_count(outcome, &job_entry.view.job);
            if outcome == LeaseOutcome::WrongResult && job_entry.story_mut().failed_nodes.insert(node) {
                self.touch_job(job);
            }
        } else {
            entry.book_end(&job_entry.view.job);
        }
    }

    fn adopt(&mut self, job: Address, winner: Option<Address>) {
        let own = winner.and_then(|lease| self.leases.get(&lease)?.own_tasks.clone());
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let Some(own) = own else {
            if entry.outcome.is_some() {
                return;
            }
            entry.outcome = Some(Outcome::Failed(results_lost().into()));
            return self.touch_job(job);
        };
        let failed = |task: &&Task| task.state == TaskState::Failed;
        let failure = own.iter().find(failed).and_then(|task| task.last_failure.clone());
        // What else a member made whose work failed nobody has compared.
        let counts = |task: &Task| failure.is_none() || failed(&task);
        let adopted: Vec<(u32, Task)> = (0..).zip(own.iter().cloned()).filter(|(_, task)| counts(task)).collect();
        if matches!(entry.outcome, None | Some(Outcome::Failed(_))) {
            entry.outcome = Some(failure.clone().map_or(Outcome::Completed, |cause| Outcome::Failed(cause.into())));
        }
        for (number, done) in adopted {
            if let Some(entry) = self.jobs.get_mut(&job) {
                entry.tasks.change(number, |task| *task = done);
            }
            self.touch_task(job, number);
        }
        self.touch_job(job);
    }

    fn note_failed_round(&mut self, job: Address) {
        let cause = no_majority();
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if entry.story().last_failure.as_ref() != Some(&cause) {
            entry.story_mut().last_failure = Some(cause);
            self.touch_job(job);
        }
    }
}

impl JobEntry {
    /// Whether its tasks are those of a round's winner already.
    fn has_verdict(&self) -> bool {
        self.tasks.all_done() || self.has_failed_task()
    }
}

/// How a member was judged that is settled already, as far as that can be told of the round as it is now.
fn outcome_of_settled(quorum: &Quorum, lease: Address, is_cancelled: bool) -> Option<LeaseOutcome> {
    let member = quorum.joined().iter().find(|member| member.lease == lease)?;
    let settled = member.state == MemberState::Settled;
    match quorum.verdict {
        _ if !settled => None,
        Verdict::Decided if member.hash == quorum.winner => Some(LeaseOutcome::Completed),
        Verdict::Decided => Some(LeaseOutcome::WrongResult),
        // Whether it had shown a root cannot be told any more, and of a cancelled job's members those who had are paid:
        // the job's ledger tells.
        Verdict::Failed | Verdict::Open if is_cancelled => None,
        Verdict::Failed | Verdict::Open => Some(LeaseOutcome::NoQuorum),
    }
}

fn no_majority() -> Cause {
    Cause {
        code: "no-quorum".to_owned(),
        message: "too few members of the round came to the same result".to_owned(),
        hint: "make sure that the work gives the same bytes wherever it runs: no clocks, random numbers or names of \
               hosts in its outputs"
            .to_owned(),
    }
}

fn results_lost() -> Cause {
    Cause {
        code: "results-missing".to_owned(),
        message: "the round was decided, and nothing was uploaded here that is what its winners committed to"
            .to_owned(),
        hint: "open the job again; the winners showed one result on chain and uploaded another".to_owned(),
    }
}
