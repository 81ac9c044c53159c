use millrace_protocol::{Address, LeaseState, Seconds, UnixSeconds};

use super::is_result;
use crate::state::lease::{LeaseEntry, Stage};
use crate::{Action, Core, JobEntry, Now};

/// After this many failed settlements a lease past its deadline is expired instead.
const SETTLE_TRIES_PAST_DEADLINE: u32 = 3;

impl Core {
    pub(super) fn settle_and_expire(&mut self, now: Now, leases: &[Address]) {
        for lease in leases.iter().copied().filter(|lease| self.open_leases.contains(*lease)).collect::<Vec<_>>() {
            let Some(entry) = self.leases.get(&lease) else { continue };
            if entry.crank.in_flight || now.millis < entry.crank.again_at {
                continue;
            }
            let Some(job) = self.jobs.get(&entry.view.job) else { continue };
            let deadline = entry.view.lease.deadline(&job.view.job).ok();
            let past_deadline = deadline.is_some_and(|(deadline, _)| now.chain >= deadline);
            let unredeemed = entry.unredeemed().copied();
            let action = match unredeemed {
                Some(voucher) if self.settlement_due(now, entry, past_deadline) => Action::Settle { lease, voucher },
                _ if past_deadline => Action::ExpireLease { lease },
                _ if self.is_judged(entry) => Action::SettleMember { lease },
                _ if window_is_over(now, entry, job) => Action::FinalizeLease { lease },
                _ if is_undecided(now, entry) => Action::ExpireDispute { lease },
                _ => continue,
            };
            if let Some(entry) = self.leases.get_mut(&lease) {
                entry.crank.in_flight = true;
            }
            self.push(action);
        }
    }

    /// Whether the round of a reported lease says how it is to be settled.
    fn is_judged(&self, entry: &LeaseEntry) -> bool {
        let reported = entry.view.lease.state == LeaseState::Reported;
        reported && self.round(entry.view.job).is_some_and(|round| round.has_judged(entry.address))
    }

    /// Whether the latest voucher should go to the chain now: it is final, the worker is silent,
    /// or half of the time until the lease's next deadline has gone by.
    fn settlement_due(&self, now: Now, entry: &LeaseEntry, past_deadline: bool) -> bool {
        if !entry.view.lease.state.is_live() || past_deadline && entry.crank.failures >= SETTLE_TRIES_PAST_DEADLINE {
            return false;
        }
        if entry.is_final() {
            // Anybody may expire it then, and what was attested would not be paid.
            return past_deadline || !self.must_wait_for_others(entry);
        }
        entry.silenced || past_deadline || now.chain >= half_way(entry)
    }

    /// The lease that ends last decides whether the job is done, so one that says it is waits until the
    /// chain knows of those that ended differently.
    fn must_wait_for_others(&self, entry: &LeaseEntry) -> bool {
        let says_done = |entry: &LeaseEntry| {
            let class = entry.voucher.filter(|voucher| voucher.is_final).map(|voucher| voucher.exit_class);
            class.is_some_and(is_result)
        };
        let others: Vec<Address> = self.open_leases_of(entry.view.job);
        let others = others.iter().filter_map(|other| self.leases.get(other));
        let mut finals = others.filter(|other| other.stage == Stage::Final);
        says_done(entry) && finals.any(|other| !says_done(other))
    }
}

/// Whether anyone may settle a reported lease now. Results of a quorum are counted instead.
fn window_is_over(now: Now, entry: &LeaseEntry, job: &JobEntry) -> bool {
    let lease = &entry.view.lease;
    lease.state == LeaseState::Reported
        && !job.view.job.terms.verification.is_quorum()
        && now.chain >= lease.disputable_until
}

/// Whether the arbiter's time is over.
fn is_undecided(now: Now, entry: &LeaseEntry) -> bool {
    let disputed = entry.view.lease.state == LeaseState::Disputed;
    disputed && entry.dispute.is_some_and(|dispute| now.chain >= dispute.decide_by)
}

pub(super) fn half_way(entry: &LeaseEntry) -> UnixSeconds {
    let lease = &entry.view.lease;
    let (from, until) = match lease.state {
        LeaseState::Assigned => (lease.opened_at, lease.start_by),
        LeaseState::Running | LeaseState::Reported | LeaseState::Disputed => {
            let from = lease.checkpoint_by.saturating_minus(UnixSeconds(lease.checkpoint_interval.0));
            (from, lease.checkpoint_by)
        }
    };
    let half = Seconds(until.since(from).0 / 2);
    from.after(half).unwrap_or(until)
}
