use std::collections::BTreeSet;

use millrace_protocol::{Address, JobState, UnixSeconds};

use super::challenges::{BETWEEN_JOBS, OVERDUE, RENEW_AFTER};
use super::dependencies::{UNKNOWN_PATIENCE, has_begun};
use super::ending::REPORT_PATIENCE;
use super::gang::{SILENCE, together_by};
use super::service::{handover, hands_over};
use super::settlement::half_way;
use crate::agenda::Due;
use crate::state::job::SpecStatus;
use crate::state::lease::{LeaseEntry, Stage};
use crate::state::proof::Proof;
use crate::{Core, JobEntry, Now};

impl Core {
    /// Notes when each of the jobs is to be looked at next. Every moment that a decision compares a clock with
    /// is named in this file, but for what each round asks about by itself: gangs that nodes are kept for, and jobs
    /// that room is made for.
    pub(super) fn schedule(&mut self, now: Now, jobs: &BTreeSet<Address>) {
        for job in jobs.iter().copied() {
            let after = self.next_due(now, job);
            self.set_due(job, after);
        }
    }

    /// Whoever waits for the job is looked at by the next tick.
    pub(crate) fn wake_followers(&mut self, job: Address) {
        let waits = |follower: &Address| self.jobs.get(follower).is_some_and(|entry| !has_begun(entry));
        let followers = self.named_by.get(&job).into_iter().flatten().copied();
        for follower in followers.filter(waits).collect::<Vec<_>>() {
            self.bring_forward(follower, Due { millis: 0, ..Due::NEVER });
        }
    }

    /// The job, in whose lease a heartbeat may have changed something, is looked at by the next tick where that
    /// leads to something: at every heartbeat would be too often.
    pub(crate) fn schedule_after_heartbeat(&mut self, now: Now, lease: Address) {
        let Some(entry) = self.leases.get(&lease) else { return };
        let spent = entry.stage == Stage::Working && entry.meter.exhausted(&entry.view.lease);
        let job = self.jobs.get(&entry.view.job);
        let succeeded = job.is_some_and(|job| job.is_service()) && hands_over(now, entry);
        let extended = job.is_some_and(|job| self.is_extension_due(now, job, entry));
        let redeemable = entry.unredeemed().is_some() && now.chain >= half_way(entry) && !entry.crank.in_flight;
        if spent || redeemable || succeeded || extended {
            let job = entry.view.job;
            self.bring_forward(job, Due { millis: now.millis, ..Due::NEVER });
        }
    }

    /// Notes until when the job is kept, and those that its address had before. Not on the agenda: after a long pause
    /// many jobs are over at once, and each tick forgets some of them.
    pub(crate) fn schedule_forgetting(&mut self, job: Address) {
        let Some(story) = self.jobs.get(&job).map(|entry| entry.story()) else { return };
        let earlier = story.earlier.iter().map(|earlier| earlier.closed_at);
        let moments = story.closed_at.into_iter().chain(earlier);
        let moments: Vec<_> = moments.map(|closed_at| (self.end_of_keeping(closed_at), job)).collect();
        self.kept.extend(moments);
    }

    /// Jobs that have been kept for long enough, those that have waited longest; not all of them where they are many.
    pub(super) fn take_kept(&mut self, now: Now) -> Vec<Address> {
        let over = self.kept.iter().take_while(|(until, _)| *until <= now.chain);
        let taken = self.some(over.map(|(_, job)| *job));
        for _ in &taken {
            self.kept.pop_first();
        }
        taken
    }

    /// What was closed then is forgotten, if not by a tick.
    pub(super) fn unschedule_forgetting(&mut self, job: Address, closed_at: UnixSeconds) {
        self.kept.remove(&(self.end_of_keeping(closed_at), job));
    }

    /// The job has no moments any more.
    pub(super) fn unschedule(&mut self, job: Address) {
        self.set_due(job, Due::NEVER);
        if let Some(closed_at) = self.jobs.get(&job).and_then(|entry| entry.story().closed_at) {
            self.unschedule_forgetting(job, closed_at);
        }
    }

    /// An offer is on its way.
    pub(crate) fn schedule_offer(&mut self, job: Address, until: u64) {
        self.bring_forward(job, Due { millis: until, ..Due::NEVER });
    }

    pub(crate) fn bring_forward(&mut self, job: Address, due: Due) {
        let Some(before) = self.jobs.get(&job).map(|entry| entry.due) else { return };
        self.set_due(job, Due { millis: before.millis.min(due.millis), chain: before.chain.min(due.chain) });
    }

    fn set_due(&mut self, job: Address, after: Due) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let before = std::mem::replace(&mut entry.due, after);
        self.agenda.change(job, before, after);
    }

    fn next_due(&self, now: Now, job: Address) -> Due {
        let Some(entry) = self.jobs.get(&job) else { return Due::NEVER };
        let leases = self.open_leases.of_job(job).filter_map(|lease| self.leases.get(&lease));
        let due = if self.open_jobs.contains(&job) { of_job(now, entry) } else { Due::NEVER };
        let auctions = self.auctions.get(&job);
        let bids = auctions.and_then(|auctions| auctions.open.as_ref()).map(|open| open.closes_at);
        let rested = auctions.into_iter().flat_map(|auctions| [auctions.again_at, auctions.waits_until]);
        let due = bids.into_iter().chain(rested).fold(due, |due, at| due.at_millis(now, at));
        let due = self.round(job).map_or(due, |round| {
            let due = due.at_millis(now, round.crank.again_at);
            round.moments().into_iter().fold(due, |due, at| due.at_chain(now, at))
        });
        let unknown = self.order_unknown.get(&job).map(|since| since.saturating_add(UNKNOWN_PATIENCE + 1));
        let due = unknown.into_iter().fold(due, |due, at| due.at_millis(now, at));
        leases.fold(due, |due, lease| self.of_lease(now, due, entry, lease))
    }

    fn of_lease(&self, now: Now, due: Due, job: &JobEntry, entry: &LeaseEntry) -> Due {
        let lease = &entry.view.lease;
        let mut due = due.at_millis(now, entry.crank.again_at).at_chain(now, half_way(entry));
        // That a lease runs short is noticed by its meter, which moves with heartbeats only.
        due = due.at_millis(now, entry.extension.again_at);
        if !entry.is_final()
            && let Some(worker) = self.worker(entry.view.node)
        {
            let patience = self.settings.patience();
            for patience in [Some(patience), job.is_gang().then_some(SILENCE)].into_iter().flatten() {
                due = due.at_millis(now, worker.silent_from(patience));
                due = entry.unheard_from(patience).into_iter().fold(due, |due, at| due.at_millis(now, at));
            }
        }
        if job.gang.as_ref().is_some_and(|gang| gang.assembly.is_some()) {
            due = due.at_chain(now, together_by(entry));
        }
        if job.is_service() && entry.is_working() {
            due = due.at_chain(now, lease.ends_by.saturating_minus(UnixSeconds(handover(entry) / 1_000)));
            if hands_over(now, entry) {
                // Its successor's progress is followed tick by tick.
                due = due.at_millis(now, now.millis + 1);
            }
        }
        if let Stage::Ending { since, .. } = entry.stage {
            due = due.at_millis(now, since.saturating_add(REPORT_PATIENCE + 1));
        }
        if let Ok((deadline, _)) = lease.deadline(&job.view.job) {
            due = due.at_chain(now, deadline);
        }
        let decide_by = entry.dispute.map(|dispute| dispute.decide_by);
        let due = self
            .check_by(entry)
            .filter(|_| job.is_spot_checked())
            .into_iter()
            .fold(due, |due, at| due.at_chain(now, at));
        let moments = [lease.preempted_at, lease.ends_by, lease.disputable_until];
        moments.into_iter().chain(decide_by).fold(due, |due, at| due.at_chain(now, at))
    }
}

impl Core {
    /// Notes when each of the nodes is to be looked at next for what it has shown of its GPUs.
    pub(super) fn schedule_proofs(&mut self, now: Now, nodes: &BTreeSet<Address>) {
        for node in nodes.iter().copied() {
            let Some(proof) = self.proofs.get_mut(&node) else { continue };
            let after = of_proof(now, proof);
            let before = std::mem::replace(&mut proof.due, after);
            self.node_agenda.change(node, before, after);
        }
    }

    /// The node's account is gone: it has no moments any more.
    pub(crate) fn drop_proof(&mut self, node: Address) {
        if let Some(proof) = self.proofs.remove(&node) {
            self.node_agenda.change(node, proof.due, Due::NEVER);
        }
    }
}

fn of_proof(now: Now, proof: &Proof) -> Due {
    let mut due = Due::NEVER.at_millis(now, proof.again_at).at_millis(now, proof.crank.again_at);
    if let Some((_, since)) = proof.asked {
        due = due.at_millis(now, since.saturating_add(OVERDUE));
    }
    let ages = [Some(RENEW_AFTER), proof.used.then_some(BETWEEN_JOBS)].into_iter().flatten();
    if let Some(shown) = &proof.shown {
        due = ages.filter_map(|age| shown.since.after(age).ok()).fold(due, |due, at| due.at_chain(now, at));
        due = due.at_chain(now, shown.until);
    }
    due
}

fn of_job(now: Now, entry: &JobEntry) -> Due {
    let mut due = Due::NEVER.at_millis(now, entry.crank.again_at);
    if let SpecStatus::Wanted { again_at, .. } = entry.spec {
        due = due.at_millis(now, again_at);
    }
    if let Some(offer) = &entry.offer {
        due = due.at_millis(now, offer.until);
    }
    for (_, restarted) in entry.story().restarts.iter() {
        due = due.at_millis(now, restarted.again_at);
    }
    if let Some(gang) = &entry.gang {
        due = due.at_millis(now, gang.again_at);
        due = gang.assembly.iter().fold(due, |due, assembly| due.at_millis(now, assembly.until));
    }
    due = entry.story().resting.values().fold(due, |due, until| due.at_millis(now, *until));
    if let Some(ends_at) = entry.service_ends_at() {
        due = due.at_chain(now, ends_at);
    }
    if entry.view.job.state == JobState::Open {
        due = due.at_chain(now, entry.view.job.start_deadline);
    }
    due
}
