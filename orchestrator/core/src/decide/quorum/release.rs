use millrace_protocol::Address;
use millrace_protocol::voucher::ExitClass;

use crate::decide::ending::is_result;
use crate::state::job::Outcome;
use crate::state::lease::{LeaseEntry, Stage};
use crate::state::task::Cause;
use crate::{Core, Now};

/// Milliseconds for which a member that is done may take to have its commitment on chain, while the chain can be read.
/// A transaction is given up after about 90 seconds, and is sent again at least once.
const COMMIT_PATIENCE: u64 = 240_000;

impl Core {
    /// Ends members that have their result, and those that will have none: they leave the round unpaid, unless the job
    /// sends them away.
    pub(in crate::decide) fn end_members(&mut self, now: Now, job: Address) {
        for lease in self.open_leases_of(job) {
            let Some(entry) = self.leases.get(&lease).filter(|entry| entry.stage == Stage::Working) else { continue };
            let Some(job_entry) = self.jobs.get(&job).filter(|_| self.attends(lease)) else { continue };
            let past_end = now.chain >= entry.view.lease.ends_by || entry.meter.exhausted(&entry.view.lease);
            let preempted = entry.is_preempted(now.chain);
            if job_entry.outcome.is_some() {
                self.begin_end(now, lease, ExitClass::Released);
            } else if self.has_result(lease) {
                let failed = self.failed_own_task(lease);
                self.begin_end(now, lease, if failed { ExitClass::Failed } else { ExitClass::Completed });
            } else if !entry.silenced && (preempted || past_end) {
                // Past its end a silent lease is left to the chain's deadline.
                self.begin_end(now, lease, ExitClass::Released);
            }
        }
        if self.give_up_the_unfinished(job) {
            // Whoever still works does so for nothing.
            self.end_members(now, job);
        }
    }

    /// Where so many members have not come to an end in the time of a lease that the rest cannot decide, the work is
    /// too long for its leases, and more rounds would come to nothing like this one.
    fn give_up_the_unfinished(&mut self, job: Address) -> bool {
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.outcome.is_none()) else { return false };
        let Some((needed, size)) = entry.votes() else { return false };
        let ran_out = |lease: &&LeaseEntry| {
            let (own, view) = (lease.own_tasks.as_deref(), &lease.view.lease);
            let unfinished = own.is_some_and(|tasks| !tasks.all_done()) && !self.failed_own_task(lease.address);
            let had_its_share = lease.meter.millis >= view.maximum.0.saturating_mul(1_000) / 2;
            unfinished && had_its_share && !lease.has_notice() && ends_with(lease) == Some(ExitClass::Released)
        };
        // A place that was taken over is that of its last lease: those before it have no vote to lose.
        let may_vote = |lease: &&LeaseEntry| lease.stage == Stage::Working || ends_with(lease).is_some_and(is_result);
        let mut of_round = self.leases_of_account(job);
        of_round.retain(|lease| lease.round == Some(entry.view.quorum_round));
        let votes = of_round.iter().copied().filter(may_vote).count();
        let n_ran_out = of_round.into_iter().filter(ran_out).count();
        if n_ran_out <= usize::from(size - needed) || votes >= usize::from(needed) {
            return false;
        }
        let cause = Cause {
            code: "lease-too-short".to_owned(),
            message: "so many members of the round were not done when their lease had run as long as it may that the \
                      others cannot decide it"
                .to_owned(),
            hint: "allow longer leases, or split the work into smaller jobs: each member does all tasks".to_owned(),
        };
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.story_mut().last_failure = Some(cause.clone());
            entry.outcome = Some(Outcome::Failed(cause.into()));
        }
        self.touch_job(job);
        true
    }

    /// How the lease is to be reported, where that can be told already. A member without its commitment has no result,
    /// whatever it made: the count would take its whole bond for that.
    pub(in crate::decide) fn member_class(&self, lease: Address) -> Option<ExitClass> {
        let entry = self.leases.get(&lease)?;
        let Stage::Ending { class, since } = entry.stage else { return None };
        let job = self.jobs.get(&entry.view.job)?;
        if !is_result(class) {
            return Some(class);
        }
        if self.round(entry.view.job).is_some_and(|round| round.has_committed(lease)) {
            return Some(class);
        }
        if entry.view.lease.was_sent_away(&job.view.job) || job.outcome.is_some() {
            return Some(ExitClass::Released);
        }
        let waited = self.round(entry.view.job).map_or(0, |round| round.read_for(since));
        (waited > COMMIT_PATIENCE).then_some(ExitClass::NodeFault)
    }
}

/// What the lease's end says, or is about to say, where it has come to one by a voucher.
fn ends_with(lease: &LeaseEntry) -> Option<ExitClass> {
    match lease.stage {
        Stage::Ending { class, .. } => Some(class),
        _ => lease.final_voucher().map(|voucher| voucher.exit_class),
    }
}
