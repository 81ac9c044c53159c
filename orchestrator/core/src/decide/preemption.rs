//! Room for jobs at the posted price: where no node is free for one and spot leases hold what it needs, those are
//! ended with the chain's notice, and the node is kept for the job until they are gone. Nobody else is ever ended.
//!
//! A reservation is on disk with its job, so a restart between the notice and the job's own lease gives the node to
//! nobody else. Everything else here is found again: notices that are on chain make room that nobody has to pay for.

mod room;
mod victims;

use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::{Address, Seconds, UnixSeconds};
use millrace_spec::sha256;

use super::Scope;
use crate::demands::DemandId;
use crate::market::{Candidate, Constraint, Vacated};
use crate::state::job::Crank;
use crate::state::lease::{LeaseEntry, Stage};
use crate::{Action, Core, Now};

/// Milliseconds for which a worker that is gone may come back to a node that is kept for a job.
const LOST_AFTER: u64 = 60_000;

/// What is known of it between two rounds. Not kept on disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Preemption {
    /// Live spot leases, by node.
    spot: BTreeSet<(Address, Address)>,
    /// Since when room could have been made for a job, in milliseconds.
    since: BTreeMap<Address, u64>,
    /// Nodes on which notice was given for a job that has had no lease there since: not twice for the same.
    tried: BTreeSet<(Address, Address)>,
    /// The last line that was asked about.
    last: DemandId,
}

#[cfg(test)]
impl Preemption {
    pub(crate) fn is_empty(&self) -> bool {
        self.spot.is_empty() && self.since.is_empty() && self.tried.is_empty()
    }
}

/// How a reservation stands.
enum Outlook {
    /// What it needs is free.
    Free(Candidate),
    /// It will be, once leases have ended.
    Leaving,
    /// Something else has to be known first.
    Unknown,
    /// It is of no use any more.
    Over,
}

impl Core {
    /// Spot leases that are live, as their claims change.
    pub(super) fn note_spot(&mut self, lease: Address) {
        let Some(entry) = self.leases.get(&lease) else { return };
        let (job, node) = (entry.view.job, entry.view.node);
        let is_spot = self.jobs.get(&job).is_some_and(|job| job.view.job.terms.spot);
        if entry.is_live() && is_spot {
            self.preemption.spot.insert((node, lease));
        } else {
            self.preemption.spot.remove(&(node, lease));
        }
        self.preemption.tried.remove(&(job, node));
    }

    /// Takes nodes that have come free for those they are kept for, gives the notices that are due, and lets go of
    /// what is of no use any more. Before anybody else is given a node.
    pub(super) fn tend_reservations(&mut self, now: Now, scope: &Scope) {
        for job in self.reservations.keys().copied().collect::<Vec<_>>() {
            self.set_claim(now, reservation_holder(job), self.reservation_claim(job));
            match self.outlook(now, job) {
                Outlook::Free(chosen) => self.take_reserved(now, job, chosen),
                Outlook::Leaving => self.give_notices(now, job),
                Outlook::Unknown => {}
                Outlook::Over => self.release(now, job),
            }
            if scope.is_round() && self.reservations.contains_key(&job) {
                self.take_another(now, job);
            }
        }
        self.settle_holds();
    }

    fn outlook(&self, now: Now, job: Address) -> Outlook {
        let (Some(entry), Some(reservation)) = (self.jobs.get(&job), self.reservations.get(&job)) else {
            return Outlook::Over;
        };
        if !entry.working() || !self.serves(job) {
            return Outlook::Over;
        }
        if self.market.parameters().is_none() || entry.offer.is_some() || self.awaits_an_end(job) {
            return Outlook::Unknown;
        }
        if !self.wants_further_lease(now, job) {
            return Outlook::Over;
        }
        let node = reservation.chosen.node;
        let demand = self.demand(now, job, entry);
        let past = self.past(job);
        let request = past.request(entry, &demand);
        let mut vacated = Vacated { claims: vec![(reservation_holder(job), true)], account_is_late: false };
        match self.market.without(now, &request, node, &vacated) {
            Some(Ok(chosen)) => return Outlook::Free(chosen),
            Some(Err(obstacle)) if obstacle.is_taken_by_others() => {}
            None | Some(Err(Constraint::NodeOffline)) => {
                let lost = self.worker(node).is_none_or(|worker| worker.silent(now.millis, LOST_AFTER));
                return if lost { Outlook::Over } else { Outlook::Unknown };
            }
            Some(Err(_)) => return Outlook::Over,
        }
        vacated.claims.extend(self.leaving(now, node));
        vacated.account_is_late = true;
        match self.market.without(now, &request, node, &vacated) {
            Some(Ok(_)) => Outlook::Leaving,
            _ => Outlook::Over,
        }
    }

    /// Tells those that have to leave, as long as the others are not enough.
    fn give_notices(&mut self, now: Now, job: Address) {
        let Some(reservation) = self.reservations.get(&job) else { return };
        let node = reservation.chosen.node;
        let due = |(lease, crank): &(&Address, &Crank)| {
            let entry = self.leases.get(*lease);
            let untold = entry.is_some_and(|entry| entry.is_live() && !entry.has_notice() && entry.is_working());
            untold && !crank.in_flight && now.millis >= crank.again_at
        };
        let due: Vec<Address> = reservation.leaving.iter().filter(due).map(|(lease, _)| *lease).collect();
        for lease in due {
            if self.is_enough(now, job, node, lease) {
                continue;
            }
            if let Some(crank) = self.reservations.get_mut(&job).and_then(|known| known.leaving.get_mut(&lease)) {
                crank.in_flight = true;
            }
            self.push(Action::NoticePreemption { lease });
        }
    }

    /// Whether the job has its room without this lease ending.
    fn is_enough(&self, now: Now, job: Address, node: Address, without: Address) -> bool {
        let Some(entry) = self.jobs.get(&job) else { return false };
        let demand = self.demand(now, job, entry);
        let past = self.past(job);
        let mut claims = self.leaving(now, node);
        claims.retain(|(lease, _)| *lease != without);
        claims.push((reservation_holder(job), true));
        let vacated = Vacated { claims, account_is_late: true };
        matches!(self.market.without(now, &past.request(entry, &demand), node, &vacated), Some(Ok(_)))
    }

    /// How the word to a lease that it has to leave came out.
    pub(crate) fn note_notice(&mut self, lease: Address, crank: impl Fn(Crank) -> Crank) {
        for reservation in self.reservations.values_mut() {
            if let Some(known) = reservation.leaving.get_mut(&lease) {
                *known = crank(*known);
            }
        }
    }

    /// The worker of a lease with notice hears of it at once, so that its containers have all of the notice; and again
    /// with whatever it says, in case the word was lost.
    pub(crate) fn tell_notice(&mut self, now: Now, lease: Address) {
        let Some(entry) = self.leases.get(&lease).filter(|entry| entry.has_notice() && entry.is_working()) else {
            return;
        };
        let (node, left) = (entry.view.node, entry.view.lease.preempted_at.since(now.chain));
        if self.attends(lease) && self.is_connected(node) {
            self.push(Action::TellNotice { node, lease, left });
        }
    }

    fn take_reserved(&mut self, now: Now, job: Address, chosen: Candidate) {
        self.reservations.remove(&job);
        self.set_claim(now, reservation_holder(job), None);
        match self.choose(now, job, vec![chosen]) {
            // Until the job is written again, when the lease is there or refused, the disk keeps the reservation: an
            // offer that dies with the process is made again.
            Some((offer, decision)) => self.send_offer(now, offer, decision),
            None => {
                self.touch_job(job);
                self.enlist(now, job);
            }
        }
    }

    /// A node that is free now is better than one that will be.
    fn take_another(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.offer.is_none()) else { return };
        if self.awaits_an_end(job) || !self.wants_further_lease(now, job) {
            return;
        }
        let demand = self.demand(now, job, entry);
        let past = self.past(job);
        let found = self.market.best(now, &past.request(entry, &demand), 1);
        if let Some((offer, decision)) = self.choose(now, job, found.candidates) {
            self.drop_reservation(now, job);
            self.send_offer(now, offer, decision);
        }
    }

    /// Nothing is kept for the job any more; where it still wants a node it waits like others.
    fn release(&mut self, now: Now, job: Address) {
        self.drop_reservation(now, job);
        self.enlist(now, job);
    }

    fn drop_reservation(&mut self, now: Now, job: Address) {
        if self.reservations.remove(&job).is_some() {
            self.set_claim(now, reservation_holder(job), None);
            self.touch_job(job);
        }
    }

    /// The job is over, or another one than before.
    pub(crate) fn forget_room(&mut self, now: Now, job: Address) {
        self.drop_reservation(now, job);
        self.preemption.since.remove(&job);
        self.preemption.tried.retain(|(of, _)| *of != job);
    }

    /// The node's account is gone, and what was kept of it.
    pub(crate) fn forget_reserved_node(&mut self, now: Now, node: Address) {
        let kept = self.reservations.iter().filter(|(_, reservation)| reservation.chosen.node == node);
        for job in kept.map(|(job, _)| *job).collect::<Vec<_>>() {
            self.release(now, job);
        }
    }

    /// Leases on the node that end within a notice though nobody gives them any now: they have notice, or are told
    /// so, or have come to their end. With each, whether its stake is free as soon as it ends.
    fn leaving(&self, now: Now, node: Address) -> Vec<(Address, bool)> {
        let leases = self.open_leases.of_node(node).filter_map(|lease| self.leases.get(&lease));
        let leaving = leases.filter(|entry| entry.is_live() && self.is_leaving(now, entry));
        leaving.map(|entry| (entry.address, self.frees_bond(entry))).collect()
    }

    fn is_leaving(&self, now: Now, entry: &LeaseEntry) -> bool {
        let horizon = self.notice().0.saturating_mul(1_000);
        let told = |entry: &LeaseEntry| {
            self.reservations.values().any(|reservation| reservation.leaving.contains_key(&entry.address))
        };
        entry.has_notice() || entry.stage != Stage::Working || entry.millis_left(now) <= horizon || told(entry)
    }

    /// Whether nothing of the lease is left to be disputed once it has ended.
    fn frees_bond(&self, entry: &LeaseEntry) -> bool {
        let terms = self.jobs.get(&entry.view.job).map(|job| job.view.job.terms);
        terms.is_some_and(|terms| terms.dispute_window.0 == 0)
    }

    /// How long the chain's notice is.
    fn notice(&self) -> Seconds {
        self.market.parameters().map_or(Seconds::ZERO, |known| known.preemption_notice)
    }

    /// Leases that still have to end for the job's node, and when the last of them has to at the latest.
    pub(crate) fn awaited_notices(&self, now: Now, job: Address) -> Option<(Address, usize, UnixSeconds)> {
        let reservation = self.reservations.get(&job)?;
        let unknown = now.chain.after(self.notice()).unwrap_or(now.chain);
        let live = |lease: &Address| self.leases.get(lease).filter(|entry| entry.is_live());
        let ends = reservation.leaving.keys().filter_map(live);
        let ends: Vec<UnixSeconds> =
            ends.map(|entry| if entry.has_notice() { entry.view.lease.preempted_at } else { unknown }).collect();
        Some((reservation.chosen.node, ends.len(), ends.into_iter().max().unwrap_or(now.chain)))
    }
}

/// Under what name the market keeps a job's node: neither a lease nor a job has it.
pub(crate) fn reservation_holder(job: Address) -> Address {
    Address(sha256(&[b"millrace reserved node".as_slice(), &job.0].concat()).0)
}
