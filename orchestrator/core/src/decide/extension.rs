//! More time for a lease that was opened short, or whose job may have longer leases now, once there is money for it.
//!
//! What runs is worth more than what waits: the work of a task that its lease's end interrupts is lost and was paid
//! for. So a lease near its end goes before further leases, which get what is left.
//!
//! A service's replica is extended before it is handed over. Where both could be done, more time needs no second node,
//! pays nothing twice and leaves the container alone; what is not extended (no more time is allowed, no money, the node
//! does not agree) has its successor as ever.

use millrace_protocol::{Address, JobState, MicroUsdc, Seconds, money, transitions};

use super::SHORTEST_LEASE;
use crate::bisection::greatest;
use crate::state::job::JobEntry;
use crate::state::lease::LeaseEntry;
use crate::{Action, Core, Now, Workload};

/// A lease is extended once half of its time is left, and at most this many milliseconds. Sooner it would take money
/// for work that may be done without it. Later a rig that does not answer, or refuses, would leave no time to ask again
/// or, for a service, to look for a successor, which begins at a quarter and ten minutes.
const LONGEST_LEAD: u64 = 900_000;
/// Milliseconds that a task may take beside its container, whose time alone is limited: what it reads comes before, what
/// it made is brought away after.
const BESIDE_CONTAINER: u64 = 60_000;

impl Core {
    /// Proposes more time for the leases that need it soon.
    pub(super) fn extend_leases(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let leases = || self.open_leases.of_job(job).filter_map(|lease| self.leases.get(&lease));
        let under_way = leases().filter_map(|lease| cost(lease, lease.extension.under_way?));
        let mut promised = under_way.fold(MicroUsdc::ZERO, saturating_plus);
        // Those that need it later have their share: money is not for whoever asks first.
        let short: Vec<(&LeaseEntry, Seconds)> =
            leases().filter_map(|lease| Some((lease, self.lack(now, entry, lease)?))).collect();
        let share = share(entry, promised, short.len());
        let due = short.iter().filter(|(lease, _)| is_near_end(now, lease));
        let mut proposed = Vec::new();
        for (lease, lack) in due {
            let Some(more) = affordable(now, entry, lease, share, *lack) else { continue };
            promised = saturating_plus(promised, cost(lease, more).unwrap_or(MicroUsdc::MAX));
            proposed.push((lease.address, lease.view.node, more));
        }
        if let Some(entry) = self.jobs.get_mut(&job).filter(|entry| entry.story().promised != promised) {
            entry.story_mut().promised = promised;
        }
        for (lease, node, more) in proposed {
            if let Some(entry) = self.leases.get_mut(&lease) {
                entry.extension.under_way = Some(more);
            }
            self.push(Action::ProposeExtension { node, lease, more });
        }
    }

    /// Whether a look at the job may lead to more time for this lease.
    pub(super) fn is_extension_due(&self, now: Now, job: &JobEntry, lease: &LeaseEntry) -> bool {
        is_near_end(now, lease) && self.lack(now, job, lease).is_some()
    }

    /// Seconds that what the lease does may take beyond its end, as far as the job allows; none where it lacks nothing,
    /// or may have no more.
    fn lack(&self, now: Now, entry: &JobEntry, lease: &LeaseEntry) -> Option<Seconds> {
        let room =
            entry.view.job.terms.lease_seconds.0.checked_sub(lease.view.lease.maximum.0).filter(|room| *room > 0)?;
        let usable =
            lease.is_working() && !lease.silenced && !lease.has_notice() && !lease.meter.exhausted(&lease.view.lease);
        let answers = self.attends(lease.address) && self.is_live(now, lease.view.node);
        let wanted = entry.working() && entry.view.job.state == JobState::Active && !entry.is_counted();
        if !usable || !answers || !wanted || lease.extension.under_way.is_some() || !self.is_busy(lease.address) {
            return None;
        }
        let lack = need(now, entry, lease).checked_sub(payable(lease)).filter(|lack| *lack > 0)?;
        Some(Seconds(lack.div_ceil(1_000).max(SHORTEST_LEASE.0).min(room)))
    }
}

/// Milliseconds that what the lease does may still take.
fn need(now: Now, entry: &JobEntry, lease: &LeaseEntry) -> u64 {
    if entry.is_service() {
        return entry.service_ends_at().map_or(u64::MAX, |end| end.since(now.chain).0.saturating_mul(1_000));
    }
    let Some(limit) = entry.workload().and_then(|workload: &Workload| workload.task_seconds) else { return u64::MAX };
    let had = lease.meter.millis.saturating_sub(lease.handed_out_at);
    limit.0.saturating_mul(1_000).saturating_add(BESIDE_CONTAINER).saturating_sub(had)
}

/// Milliseconds of the lease that can still be paid for.
fn payable(lease: &LeaseEntry) -> u64 {
    lease.view.lease.maximum.0.saturating_mul(1_000).saturating_sub(lease.meter.millis)
}

fn is_near_end(now: Now, lease: &LeaseEntry) -> bool {
    let half = lease.view.lease.maximum.0.saturating_mul(1_000) / 2;
    now.millis >= lease.extension.again_at && payable(lease) <= half.min(LONGEST_LEAD)
}

/// What of the deposit each of so many leases may have more: what neither another extension nor an offer on its way
/// will take.
fn share(entry: &JobEntry, promised: MicroUsdc, leases: usize) -> MicroUsdc {
    let units = entry.view.job.terms.requirements.units;
    let offered = entry.offer.as_ref().map(|pending| {
        let cost = money::cost(pending.offer.price, units, pending.offer.maximum);
        // Where the protocol cannot say what it costs, nothing is left for sure.
        cost.unwrap_or(MicroUsdc::MAX)
    });
    let available = entry.view.job.available().unwrap_or(MicroUsdc::ZERO);
    let left = offered.into_iter().chain([promised]).fold(available, MicroUsdc::saturating_minus);
    let leases = u64::try_from(leases).unwrap_or(u64::MAX);
    MicroUsdc(left.0.checked_div(leases).unwrap_or(0))
}

/// As many of the seconds as the chain would grant where the job had no more than this left of its deposit; none where
/// they are too few to be worth a transaction.
fn affordable(now: Now, entry: &JobEntry, lease: &LeaseEntry, share: MicroUsdc, lack: Seconds) -> Option<Seconds> {
    let mut job = entry.view.job;
    job.reserved = job.reserved.plus(job.available().ok()?.minus(share).ok()?).ok()?;
    let granted = |more: u64| {
        let (mut job, mut lease) = (job, lease.view.lease);
        transitions::extend_lease(&mut job, &mut lease, Seconds(more), now.chain).is_ok()
    };
    let more = Seconds(greatest(lack.0, granted));
    (more >= SHORTEST_LEASE.min(lack)).then_some(more)
}

/// What so much more time reserves of the deposit.
fn cost(lease: &LeaseEntry, more: Seconds) -> Option<MicroUsdc> {
    let on_chain = &lease.view.lease;
    let longer = on_chain.maximum.plus(more).ok()?;
    money::cost(on_chain.price, on_chain.units, longer).ok()?.minus(on_chain.worst_case().ok()?).ok()
}

fn saturating_plus(sum: MicroUsdc, more: MicroUsdc) -> MicroUsdc {
    sum.plus(more).unwrap_or(MicroUsdc::MAX)
}
