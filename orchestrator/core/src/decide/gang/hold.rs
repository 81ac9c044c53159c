//! What keeps small jobs from starving a gang: the one that has waited longest has the nodes that come free kept for
//! it, until they are enough. One gang at a time holds nodes without all of them, so no two ever wait for each
//! other's.

use std::collections::BTreeMap;

use millrace_protocol::{Address, Seconds, region};
use millrace_spec::Locality;

use super::plan::regions;
use crate::decide::Scope;
use crate::decide::placement::Search;
use crate::market::{Constraint, Demand};
use crate::state::gang::Hold;
use crate::{Core, Now, Workload};

/// Milliseconds for which a gang waits before nodes are kept for it.
const PATIENCE: u64 = 600_000;
/// Milliseconds for which they are kept at most; where the leases of others last longer, none are.
const LONGEST: u64 = 3_600_000;
/// Milliseconds until a gang for which it was of no use is thought of again.
const PAUSE: u64 = 60_000;

impl Core {
    /// Takes what has come free for the gang that holds nodes, or lets the next one begin to. Before anybody else
    /// is given a node.
    pub(in crate::decide) fn hold_for_gangs(&mut self, now: Now, scope: &Scope) {
        if let Some(job) = self.gangs.holding {
            // Its own nodes count as improved when they are given back, and are asked for in the same round.
            if scope.is_round() || self.market.has_improved() {
                self.extend_hold(now, job);
            }
        } else if scope.is_round()
            && let Some(job) = self.next_to_hold(now)
        {
            self.begin_hold(now, job);
        }
    }

    /// The gang that has waited longest, of those that have waited long.
    fn next_to_hold(&mut self, now: Now) -> Option<Address> {
        let waits_since = |job: &Address| self.jobs.get(job)?.gang.as_ref()?.waits_since;
        // Whoever waits for something else, or for nothing any more, comes back by itself.
        let lacking = self.gangs.waiting.iter().filter(|job| self.queue.contains(**job));
        let mut waiting: Vec<(u64, Address)> = lacking.filter_map(|job| Some((waits_since(job)?, *job))).collect();
        waiting.sort_unstable();
        self.gangs.waiting = waiting.iter().map(|(_, job)| *job).collect();
        let (since, job) = waiting.first().copied()?;
        (now.millis.saturating_sub(since) >= PATIENCE).then_some(job)
    }

    fn begin_hold(&mut self, now: Now, job: Address) {
        let place = self.place_to_hold(now, job);
        let Some(gang) = self.jobs.get_mut(&job).and_then(|entry| entry.gang.as_mut()) else { return };
        let Some(region) = place else {
            // Others have their turn meanwhile.
            gang.waits_since = Some(now.millis.saturating_sub(PATIENCE) + PAUSE);
            return;
        };
        gang.hold = Some(Hold { region, seats: Vec::new(), until: now.millis.saturating_add(LONGEST) });
        self.gangs.holding = Some(job);
        self.extend_hold(now, job);
    }

    /// Where enough nodes are free or will be before a hold is given up. None where nowhere; within, none for a gang
    /// that may be anywhere.
    fn place_to_hold(&self, now: Now, job: Address) -> Option<Option<u8>> {
        let entry = self.jobs.get(&job)?;
        let gang = entry.workload().and_then(Workload::gang)?;
        let demand = Demand::of_job(entry);
        let past = self.past(job);
        let request = past.request(entry, &demand);
        let end = now.chain.after(Seconds(LONGEST / 1_000)).ok()?;
        let ends_in_time = |lease: Address| self.leases.get(&lease).is_none_or(|lease| lease.view.lease.ends_by <= end);
        let mut nodes: BTreeMap<Option<u8>, usize> = BTreeMap::new();
        for (address, node) in self.market.nodes() {
            let passes = |constraint: Constraint| constraint.is_wish() || constraint.is_taken_by_others();
            let suits = self.market.exclusions(now, &request, address).into_iter().all(passes);
            if suits && self.open_leases.of_node(address).all(ends_in_time) {
                let region = (gang.locality == Locality::Region).then_some(node.view.node.hardware.region);
                *nodes.entry(region).or_default() += 1;
            }
        }
        let allowed = regions(gang.locality, demand.regions);
        let enough =
            nodes.into_iter().filter(|(region, count)| allowed.contains(region) && *count >= entry.tasks.len());
        enough.max_by_key(|(_, count)| *count).map(|(region, _)| region)
    }

    fn extend_hold(&mut self, now: Now, job: Address) {
        let hold = self.drop_hold(now, job);
        let Some((entry, hold)) = self.jobs.get(&job).zip(hold) else { return };
        if !entry.working() || !self.queue.contains(job) {
            return;
        }
        let demand = Demand::of_job(entry);
        let regions = hold.region.and_then(region::bit).unwrap_or(demand.regions);
        let size = entry.tasks.len();
        if now.millis >= hold.until {
            if let Some(gang) = self.jobs.get_mut(&job).and_then(|entry| entry.gang.as_mut()) {
                gang.waits_since = Some(now.millis);
            }
            return;
        }
        let seats = self.seats(now, job, &Demand { regions, ..demand.clone() });
        if seats.len() >= size && self.place_gang(now, job, &demand) == Search::Placed {
            return self.placed(job);
        }
        self.gangs.holding = Some(job);
        if let Some(gang) = self.jobs.get_mut(&job).and_then(|entry| entry.gang.as_mut()) {
            gang.hold = Some(Hold { seats, ..hold });
        }
        for (holder, claim) in self.seat_claims(job) {
            self.set_claim(now, holder, Some(claim));
        }
        self.settle_holds();
    }

    /// Gives back the nodes that were kept for the gang.
    pub(super) fn drop_hold(&mut self, now: Now, job: Address) -> Option<Hold> {
        let hold = self.jobs.get_mut(&job)?.gang.as_mut()?.hold.take()?;
        self.gangs.holding = None;
        for seat in &hold.seats {
            self.set_claim(now, super::assembly::seat_holder(job, seat), None);
        }
        Some(hold)
    }
}
