//! Which leases are ended for a job: those by whose end the least work is lost.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use millrace_protocol::{Address, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds, money};

use super::room::Room;
use crate::market::{Candidate, Request, Vacated};
use crate::state::lease::LeaseEntry;
use crate::{Core, Now};

/// What ending leases on a node costs others: work that is lost, how many are disturbed; then what the node is
/// worth to the job. The least is the best.
type Rank = (MicroUsdc, usize, u64, Address);

/// What ending a lease costs, the youngest first among equals.
type Loss = (MicroUsdc, Reverse<UnixSeconds>, Address);

impl Core {
    /// The node where the least is lost, of those that fit the job but for what spot leases take of them.
    pub(super) fn find_room(&self, now: Now, job: Address) -> Option<Room> {
        let entry = self.jobs.get(&job).filter(|entry| !entry.is_counted())?;
        let demand = self.demand(now, job, entry);
        let past = self.past(job);
        let request = past.request(entry, &demand);
        let highest = demand.maximum_price.min(request.affordable);
        let nodes: BTreeSet<Address> = self.preemption.spot.iter().map(|(node, _)| *node).collect();
        let mut best: Option<(Rank, Room)> = None;
        for node in nodes {
            let price = self.market.node(node).map(|known| known.view.node.price);
            if price.is_none_or(|price| price > highest || self.lease_length(now, job, price).is_none()) {
                continue;
            }
            let Some((lost, room)) = self.room_on(now, job, &request, node) else { continue };
            let rank = (lost, room.victims.len(), room.chosen.score.total(), node);
            if best.as_ref().is_none_or(|(known, _)| rank < *known) {
                best = Some((rank, room));
            }
        }
        best.map(|(_, room)| room)
    }

    /// The leases whose end makes room for the request on this node, and what is lost by it.
    fn room_on(&self, now: Now, job: Address, request: &Request, node: Address) -> Option<(MicroUsdc, Room)> {
        let fits = |claims: &[(Address, bool)]| {
            let vacated = Vacated { claims: claims.to_vec(), account_is_late: false };
            self.market.without(now, request, node, &vacated)
        };
        // Most nodes are dismissed by what no lease's end would mend.
        let as_it_is = fits(&[])?;
        if as_it_is.is_err_and(|obstacle| !obstacle.is_taken_by_others()) {
            return None;
        }
        let leaving = self.leaving(now, node);
        let noticed = self.noticed(node);
        match fits(&leaving)? {
            // Room that is there or comes by itself is everybody's; what notice was given for is not.
            Ok(chosen) => {
                let made = !noticed.is_empty();
                return made.then_some((MicroUsdc::ZERO, Room { chosen, noticed, victims: Vec::new() }));
            }
            Err(_) if self.preemption.tried.contains(&(job, node)) => return None,
            Err(_) => {}
        }
        let mut victims = self.victims(now, node);
        let with = |victims: &[(Loss, bool)]| {
            let ended = victims.iter().map(|((.., lease), frees_bond)| (*lease, *frees_bond));
            leaving.iter().copied().chain(ended).collect::<Vec<_>>()
        };
        let found = |count: &usize| matches!(fits(&with(&victims[..*count])), Some(Ok(_)));
        let count = (1..=victims.len()).find(found)?;
        victims.truncate(count);
        // A larger one may do for several smaller ones.
        for index in (0..victims.len()).rev() {
            let mut fewer = victims.clone();
            fewer.remove(index);
            if matches!(fits(&with(&fewer)), Some(Ok(_))) {
                victims = fewer;
            }
        }
        let chosen: Candidate = fits(&with(&victims))?.ok()?;
        let lost = victims.iter().fold(0u64, |sum, ((loss, ..), _)| sum.saturating_add(loss.0));
        let victims = victims.into_iter().map(|((.., lease), _)| lease).collect();
        Some((MicroUsdc(lost), Room { chosen, noticed, victims }))
    }

    /// Spot leases on the node that have notice and that no other job waits for.
    fn noticed(&self, node: Address) -> Vec<Address> {
        let awaited: BTreeSet<Address> =
            self.reservations.values().flat_map(|reservation| reservation.leaving()).collect();
        let noticed = self.spot_leases(node).filter(|entry| entry.has_notice() && !awaited.contains(&entry.address));
        noticed.map(|entry| entry.address).collect()
    }

    /// Spot leases on the node that would stay, the one by whose end the least is lost first; with each whether its
    /// stake is free as soon as it ends.
    fn victims(&self, now: Now, node: Address) -> Vec<(Loss, bool)> {
        let stays = |entry: &&LeaseEntry| self.attends(entry.address) && !self.is_leaving(now, entry);
        let loss = |entry: &LeaseEntry| (self.lost(entry), Reverse(entry.view.lease.opened_at), entry.address);
        let mut victims: Vec<(Loss, bool)> =
            self.spot_leases(node).filter(stays).map(|entry| (loss(entry), self.frees_bond(entry))).collect();
        victims.sort_unstable();
        victims
    }

    fn spot_leases(&self, node: Address) -> impl Iterator<Item = &LeaseEntry> {
        let of_node = (node, Address([0; 32]))..=(node, Address([u8::MAX; 32]));
        self.preemption.spot.range(of_node).filter_map(|(_, lease)| self.leases.get(lease))
    }

    /// What was spent on work that has to be done again if the lease ends now: on its present task, and of a gang on
    /// that of each member. A service's replica leaves nothing undone.
    fn lost(&self, entry: &LeaseEntry) -> MicroUsdc {
        let Some(job) = self.jobs.get(&entry.view.job) else { return MicroUsdc::ZERO };
        if job.is_service() {
            return MicroUsdc::ZERO;
        }
        if !job.is_gang() {
            return self.spent_on_task(entry);
        }
        let members = self.open_leases.of_job(entry.view.job).filter_map(|lease| self.leases.get(&lease));
        MicroUsdc(members.fold(0u64, |sum, member| sum.saturating_add(self.spent_on_task(member).0)))
    }

    fn spent_on_task(&self, entry: &LeaseEntry) -> MicroUsdc {
        if self.active_task(entry.address).is_none() {
            return MicroUsdc::ZERO;
        }
        let (price, units): (PricePerGpuHour, _) = (entry.view.lease.price, entry.view.lease.units);
        let seconds = Seconds(entry.meter.millis.saturating_sub(entry.handed_out_at) / 1_000);
        money::cost(price, units, seconds).unwrap_or(MicroUsdc(u64::MAX))
    }
}
