//! What keeps small jobs from starving a gang: the one that has waited longest has the nodes that come free kept for
//! it, until they are enough. One gang at a time holds nodes without all of them, so no two ever wait for each
//! other's.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::{Address, PricePerGpuHour, Seconds, region};
use millrace_spec::Locality;

use super::plan::{length, places};
use crate::decide::Scope;
use crate::decide::placement::Search;
use crate::market::{Demand, Vacated};
use crate::state::gang::Hold;
use crate::{Core, Now};

/// Milliseconds for which a gang waits before nodes are kept for it.
const PATIENCE: u64 = 600_000;
/// Milliseconds for which they are kept at most, and no longer than the gang's deposit would pay for them; where the
/// leases of others last longer, none are.
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

    /// Notes that the gang waits, if that is not known.
    pub(in crate::decide) fn await_nodes(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get_mut(&job).filter(|entry| entry.is_gang()) else { return };
        let gang = entry.gang.get_or_insert_default();
        if gang.waits_since.is_none() {
            (gang.waits_since, gang.hold_at) = (Some(now.millis), now.millis.saturating_add(PATIENCE));
        }
        self.gangs.waiting.insert((gang.hold_at, job));
    }

    /// Nodes are kept for others meanwhile.
    fn postpone_hold(&mut self, job: Address, until: u64) {
        if let Some(gang) = self.jobs.get_mut(&job).and_then(|entry| entry.gang.as_mut()) {
            gang.hold_at = until;
            self.gangs.waiting.insert((until, job));
        }
    }

    /// The gang that has waited longest, of those that have waited long.
    fn next_to_hold(&mut self, now: Now) -> Option<Address> {
        while let Some((hold_at, job)) = self.gangs.waiting.first().copied().filter(|(at, _)| *at <= now.millis) {
            let gang = self.jobs.get(&job).and_then(|entry| entry.gang.as_ref());
            if gang.is_some_and(|gang| gang.hold_at == hold_at) && self.queue.contains(job) {
                return Some(job);
            }
            // Whoever waits for something else, or for nothing any more, comes back by itself.
            self.gangs.waiting.remove(&(hold_at, job));
        }
        None
    }

    fn begin_hold(&mut self, now: Now, job: Address) {
        let Some((region, lasts)) = self.place_to_hold(now, job) else {
            return self.postpone_hold(job, now.millis.saturating_add(PAUSE));
        };
        let Some(gang) = self.jobs.get_mut(&job).and_then(|entry| entry.gang.as_mut()) else { return };
        let (since, until) = (now.millis, now.millis.saturating_add(lasts.0.saturating_mul(1_000)));
        gang.hold = Some(Hold { region, seats: Vec::new(), since, until });
        self.gangs.holding = Some(job);
        self.extend_hold(now, job);
    }

    /// Where enough nodes are free or will be before a hold is given up, and how long they may be kept: nobody's nodes
    /// lie idle for longer than the gang's deposit would pay for all of them. None where nowhere; within, none for a
    /// gang that may be anywhere.
    fn place_to_hold(&self, now: Now, job: Address) -> Option<(Option<u8>, Seconds)> {
        let entry = self.jobs.get(&job)?;
        let demand = Demand::of_job(entry);
        let together = demand.together?;
        let longest = Seconds(LONGEST / 1_000);
        let comes_free = self.comes_free(now, job, &demand, longest);
        let mut rules = entry.view.job;
        rules.terms.lease_seconds = longest;
        let enough = |region: Option<u8>| {
            let there = comes_free.get(&region)?;
            let mut lasts = longest;
            loop {
                let lowest: Vec<_> = lowest_prices(there, lasts).take(together.size()).collect();
                let paid = length(&rules, lowest.get(..together.size())?.iter().copied())?;
                if paid >= lasts {
                    return Some((lowest_prices(there, lasts).count(), Reverse(region), lasts));
                }
                // Those that come free only later are not waited for, and without them the others may be dearer.
                lasts = paid;
            }
        };
        let allowed = places(together, demand.regions).into_iter().map(|(region, _)| region);
        allowed.filter_map(enough).max().map(|(_, Reverse(region), lasts)| (region, lasts))
    }

    /// Nodes that suit the gang and are free within `longest`, by region for one that is to be in one, the cheapest
    /// first.
    fn comes_free(
        &self,
        now: Now,
        job: Address,
        demand: &Demand,
        longest: Seconds,
    ) -> BTreeMap<Option<u8>, Vec<Prospect>> {
        let Some(entry) = self.jobs.get(&job) else { return BTreeMap::new() };
        let past = self.past(job);
        let request = past.request(entry, demand);
        let in_one_region = demand.together.is_some_and(|together| together.locality == Locality::Region);
        let ends = |lease: Address| self.leases.get(&lease).map(|lease| lease.view.lease.ends_by.since(now.chain));
        let mut comes_free: BTreeMap<Option<u8>, Vec<Prospect>> = BTreeMap::new();
        for (address, node) in self.market.nodes() {
            let suits = match self.market.without(now, &request, address, &Vacated::default()) {
                Some(Err(obstacle)) => obstacle.is_taken_by_others(),
                found => found.is_some(),
            };
            let free_in = self.open_leases.of_node(address).filter_map(ends).max().unwrap_or(Seconds::ZERO);
            let price = node.view.node.posted_price(demand.spot).filter(|_| suits && free_in <= longest);
            if let Some(price) = price {
                let region = in_one_region.then_some(node.view.node.hardware.region);
                let whose = if demand.different_providers { node.view.provider } else { address };
                comes_free.entry(region).or_default().push(Prospect { price, free_in, whose });
            }
        }
        comes_free.values_mut().for_each(|there| there.sort_unstable_by_key(|prospect| prospect.price));
        comes_free
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
            return self.postpone_hold(job, now.millis.saturating_add(PATIENCE));
        }
        let past = self.past(job);
        let here = Demand { regions, ..demand.clone() };
        let seats = self.seats(now, &entry.view.job, &past.request(entry, &here), &mut BTreeSet::new()).seats;
        if seats.len() >= size {
            match self.place_gang(now, job, &demand) {
                Search::Placed => self.placed(job),
                // It cannot pay for what it waited for, and others can.
                _ => self.postpone_hold(job, now.millis.saturating_add(PATIENCE)),
            }
            return;
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

/// A node that a gang could wait for.
struct Prospect {
    price: PricePerGpuHour,
    free_in: Seconds,
    /// Of whom the gang takes one node only: the provider, or the node itself.
    whose: Address,
}

/// What nodes cost that are free within `lasts`, one of each owner, the lowest first; `there` begins with the cheapest.
fn lowest_prices(there: &[Prospect], lasts: Seconds) -> impl Iterator<Item = PricePerGpuHour> {
    let mut owners = BTreeSet::new();
    let in_time = there.iter().filter(move |prospect| prospect.free_in <= lasts);
    in_time.filter(move |prospect| owners.insert(prospect.whose)).map(|prospect| prospect.price)
}
