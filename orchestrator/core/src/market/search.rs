use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use millrace_protocol::{Address, PricePerGpuHour, region};
use serde::{Deserialize, Serialize};

use super::images::ImageId;
use super::places::Stall;
use super::pools::{Shape, Visitor};
use super::reach::Needs;
use super::room::Room;
use super::score::idle_gpus;
use super::shelve::Shelf;
use super::{Constraint, Demand, Facts, Market, Rig, Score};
use crate::Now;

/// A demand, and what is known of the job that has it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub demand: &'a Demand,
    /// The highest price at which the rest of the deposit covers a lease.
    pub affordable: PricePerGpuHour,
    /// Nodes with a live lease of the job.
    pub leased: &'a BTreeSet<Address>,
    /// Their providers.
    pub providers: &'a BTreeSet<Address>,
    /// Nodes not to be asked again before the given milliseconds.
    pub resting: &'a BTreeMap<Address, u64>,
    /// Nodes that failed it.
    pub failed: &'a BTreeSet<Address>,
}

static NO_NODES: BTreeSet<Address> = BTreeSet::new();
static NO_REST: BTreeMap<Address, u64> = BTreeMap::new();

impl<'a> Request<'a> {
    /// Of a job without a past.
    pub fn new(demand: &'a Demand) -> Self {
        Self {
            demand,
            affordable: PricePerGpuHour::MAX,
            leased: &NO_NODES,
            providers: &NO_NODES,
            resting: &NO_REST,
            failed: &NO_NODES,
        }
    }

    /// Whether something of the job itself may keep it from a node that fits the demand.
    pub fn has_past(&self) -> bool {
        self.affordable < self.demand.maximum_price
            || self.demand.different_providers && !self.providers.is_empty()
            || !(self.leased.is_empty() && self.resting.is_empty() && self.failed.is_empty())
    }
}

/// A node for a lease. The least is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub node: Address,
    /// It failed the job before; any other comes first.
    pub failed: bool,
    pub score: Score,
}

impl Candidate {
    pub(crate) fn rank(&self) -> (bool, u64, Address) {
        (self.failed, self.score.total(), self.node)
    }
}

/// The best nodes for a lease, the best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub candidates: Vec<Candidate>,
    /// Rigs that were passed over for want of stake alone.
    pub(crate) tight: Vec<u32>,
    wanted: usize,
}

impl Found {
    fn is_full(&self) -> bool {
        self.candidates.len() >= self.wanted
    }

    fn insert(&mut self, candidate: Candidate) {
        let at = self.candidates.partition_point(|known| known.rank() < candidate.rank());
        if at < self.wanted {
            self.candidates.insert(at, candidate);
            self.candidates.truncate(self.wanted);
        }
    }

    /// The highest total that is worth a look; an equal one may win by its address.
    fn worst(&self) -> u64 {
        if self.is_full() { self.candidates.last().map_or(u64::MAX, |worst| worst.score.total()) } else { u64::MAX }
    }
}

/// A walk through the pools: for nodes without the image first, then for those that have it. Either finds
/// some of the other kind on its way and weighs them as what they are.
struct Search<'a> {
    market: &'a Market,
    now: Now,
    request: &'a Request<'a>,
    image: Option<ImageId>,
    /// What the nodes looked for cost beside their base and their pool's packing.
    surcharge: u64,
    /// Whether nodes may have been found before.
    again: bool,
    found: &'a mut Found,
}

impl Search<'_> {
    fn extra(&self, shape: Shape) -> u64 {
        let units = self.request.demand.units.0;
        self.market.weights.packing(shape.whole, shape.size, units).saturating_add(self.surcharge)
    }
}

impl Visitor for Search<'_> {
    fn most(&self, shape: Shape) -> Option<u64> {
        let large_enough = shape.size >= self.request.demand.units.0;
        large_enough.then(|| self.found.worst().checked_sub(self.extra(shape))).flatten()
    }

    fn visit(&mut self, shape: Shape, slot: u32, base: u64) -> ControlFlow<()> {
        let rig = &self.market.rigs[slot as usize];
        let least = (false, base.saturating_add(self.extra(shape)), rig.address);
        if self.found.is_full() && self.found.candidates.last().is_some_and(|worst| least > worst.rank()) {
            return ControlFlow::Break(());
        }
        if self.again && self.found.candidates.iter().any(|known| known.node == rig.address) {
            return ControlFlow::Continue(());
        }
        match self.market.obstacle(self.now, self.request, rig) {
            None => self.found.insert(self.market.candidate(self.request, self.image, rig, false)),
            Some(Constraint::StakeTooSmall) => {
                self.found.tight.push(slot);
            }
            Some(_) => {}
        }
        ControlFlow::Continue(())
    }
}

impl Market {
    /// The best `wanted` nodes for a lease of the request, by [`Market::weigh`] of every node, found
    /// without a look at every node. [`Market::advance`] must have been called with the same `now`.
    pub fn best(&self, now: Now, request: &Request, wanted: usize) -> Found {
        let mut found = Found { wanted, ..Found::default() };
        let demand = request.demand;
        let needs = Needs::of(demand, request.affordable);
        let image = self.images.find(&demand.image);
        let pools = (demand.spot, demand.gpu_classes);
        let surcharge = self.weights.image.0;
        let mut search = Search { market: self, now, request, image, surcharge, again: false, found: &mut found };
        self.pools.walk(pools, &needs, &mut search);
        if let Some(image) = image
            && search.found.is_full()
        {
            // What was found may still lose to a node that has the image.
            (search.surcharge, search.again) = (0, true);
            self.pools.walk(pools, &needs.with(image), &mut search);
        }
        if !found.is_full() {
            for node in request.failed {
                let candidate = self.rig(*node).and_then(|rig| self.consider(now, request, rig));
                candidate.into_iter().for_each(|candidate| found.insert(candidate));
            }
        }
        found
    }

    /// What the node would score, where nothing speaks against it.
    pub fn weigh(&self, now: Now, request: &Request, node: Address) -> Option<Candidate> {
        self.consider(now, request, self.rig(node)?)
    }

    /// Everything that speaks against the node.
    pub fn exclusions(&self, now: Now, request: &Request, node: Address) -> BTreeSet<Constraint> {
        let Some((rig, entry)) = self.rig(node).and_then(|rig| Some((rig, rig.entry.as_ref()?))) else {
            return BTreeSet::new();
        };
        let excludes = |constraint: &Constraint| self.excludes(*constraint, now, request, (rig, entry));
        Constraint::ALL.into_iter().filter(excludes).collect()
    }

    /// The first constraint that excludes a rig the index came up with, a wish included.
    fn obstacle(&self, now: Now, request: &Request, rig: &Rig) -> Option<Constraint> {
        let entry = rig.entry.as_ref()?;
        let excludes = |constraint: &Constraint| self.excludes(*constraint, now, request, (rig, entry));
        Constraint::UNVOUCHED.into_iter().find(excludes)
    }

    fn consider(&self, now: Now, request: &Request, rig: &Rig) -> Option<Candidate> {
        let entry = rig.entry.as_ref()?;
        let excludes = |constraint: Constraint| self.excludes(constraint, now, request, (rig, entry));
        let excluded = Constraint::ALL.into_iter().any(|constraint| !constraint.is_wish() && excludes(constraint));
        let affordable = rig.price(request.demand.spot).is_some_and(|price| price <= request.affordable);
        let fits = !excluded && affordable && self.parameters.is_some();
        fits.then(|| {
            let image = self.images.find(&request.demand.image);
            self.candidate(request, image, rig, excludes(Constraint::FailedBefore))
        })
    }

    pub(super) fn candidate(&self, request: &Request, image: Option<ImageId>, rig: &Rig, failed: bool) -> Candidate {
        Candidate { node: rig.address, failed, score: self.score(request.demand, image, rig) }
    }

    fn score(&self, demand: &Demand, image: Option<ImageId>, rig: &Rig) -> Score {
        let Some(facts) = self.facts_of(demand, image, rig) else { return Score::default() };
        self.weights.score(rig.price(demand.spot).unwrap_or(PricePerGpuHour::MAX), &facts)
    }

    fn facts_of(&self, demand: &Demand, image: Option<ImageId>, rig: &Rig) -> Option<Facts> {
        let entry = rig.entry.as_ref()?;
        let size = entry.view.node.hardware.units().0;
        let free = rig.free(entry).0;
        let region = region::bit(entry.view.node.hardware.region).unwrap_or(0);
        let stall = Stall { class: entry.view.node.hardware.gpu_class, region, free, takes: [true; 2] };
        let counted = rig.shelf.as_ref().map_or(0, |shelf| shelf.stall().free);
        Some(Facts {
            reputation: self.owners.at(rig.owner).map(|owner| owner.reputation).unwrap_or_default(),
            link: rig.link,
            image_present: image.is_some_and(|image| rig.has(image)),
            idle_gpus: idle_gpus(free == size, size, demand.units.0),
            scarcity: self.places.charge(self.weights.scarcity.0, demand, stall, counted),
            failed_before: false,
        })
    }

    /// What is known of the node for a lease of the request, whatever speaks against it; nothing of one that is gone.
    pub(crate) fn facts(&self, request: &Request, node: Address) -> Facts {
        let image = self.images.find(&request.demand.image);
        let facts = self.rig(node).and_then(|rig| self.facts_of(request.demand, image, rig)).unwrap_or_default();
        Facts { failed_before: request.failed.contains(&node), ..facts }
    }

    /// Rigs that may fit a demand that they did not fit at the last call.
    pub(crate) fn improvements(&mut self) -> BTreeSet<u32> {
        let improved = std::mem::take(&mut self.improved);
        improved.iter().for_each(|slot| self.rigs[*slot as usize].improved = false);
        improved.into_iter().collect()
    }

    pub(crate) fn has_improved(&self) -> bool {
        !self.improved.is_empty()
    }

    /// What speaks against a lease of a job without a past on a rig whose [`Room`] meets the demand.
    pub(crate) fn obstacle_to(&self, now: Now, slot: u32, demand: &Demand) -> Option<Constraint> {
        self.obstacle(now, &Request::new(demand), &self.rigs[slot as usize])
    }

    /// None for a rig that can take no lease of any kind.
    pub(crate) fn room(&self, slot: u32) -> Option<Room> {
        self.rigs[slot as usize].shelf.as_ref().map(Shelf::room)
    }
}
