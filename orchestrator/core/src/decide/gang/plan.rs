use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::transitions::{self, LeaseOffer};
use millrace_protocol::{Address, Error, Job, JobTerms, MicroUsdc, PricePerGpuHour, Provider, Seconds, money, region};
use millrace_spec::Locality;
use serde::{Deserialize, Serialize};

use crate::bisection::greatest;
use crate::decide::placement::{RUNNERS_UP, SHORTEST_LEASE};
use crate::market::{Candidate, Demand, Request, Together, bond};
use crate::state::gang::Seat;
use crate::state::shortfall::Shortfall;
use crate::{Core, Now};

/// Nodes looked at beyond the gang's size: some are with a provider whose stake covers only a part of them.
const SLACK: usize = 16;
/// By how much more nodes are looked at where those were too few.
const GROWTH: usize = 8;

/// The most members of a gang that could have a node now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacking {
    pub size: usize,
    pub placeable: usize,
    /// Where that is; none where the gang may be anywhere, or where no member could have one.
    pub region: Option<u8>,
}

/// Why a gang has no set of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unplanned {
    Nodes(Lacking),
    /// There are enough, and the deposit covers no lease worth its transactions on all of them together.
    Deposit,
}

/// Nodes on which leases would open beside each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Set {
    pub seats: Vec<Seat>,
    /// The best of those that the search saw besides; they may score better than a seat that could be had.
    pub runners_up: Vec<Candidate>,
}

impl Set {
    fn new(seats: Vec<Seat>, candidates: &[Candidate]) -> Self {
        let taken: BTreeSet<Address> = seats.iter().map(|seat| seat.chosen.node).collect();
        let others = candidates.iter().filter(|candidate| !taken.contains(&candidate.node));
        Self { runners_up: others.take(RUNNERS_UP).copied().collect(), seats }
    }
}

/// In what order nodes are tried where not all of those that fit can be had beside each other. With the second no
/// other set has more members; with the third none of a market without differences of stake is cheaper.
#[derive(Clone, Copy)]
enum Order {
    Score,
    Bond,
    Price,
}

impl Core {
    /// A node for every member, the best set of all regions. Rigs that were passed over for want of stake are noted
    /// in `tight`.
    pub(crate) fn plan_gang(
        &self,
        now: Now,
        job: Address,
        demand: &Demand,
        tight: &mut BTreeSet<u32>,
    ) -> Option<Result<(Set, Seconds), Unplanned>> {
        let (entry, past) = (self.jobs.get(&job)?, self.past(job));
        self.plan_by(now, &entry.view.job, &past.request(entry, demand), tight)
    }

    /// The same by any rules, which need not be those of a job that is there.
    pub(crate) fn plan_by(
        &self,
        now: Now,
        rules: &Job,
        request: &Request,
        tight: &mut BTreeSet<u32>,
    ) -> Option<Result<(Set, Seconds), Unplanned>> {
        let together = request.demand.together?;
        let size = together.size();
        let mut best: Option<(u64, (Set, Seconds))> = None;
        let mut lacking = Lacking { size, placeable: 0, region: None };
        for (region, regions) in places(together, request.demand.regions) {
            let demand = Demand { regions, ..request.demand.clone() };
            let set = self.seats(now, rules, &Request { demand: &demand, ..*request }, tight);
            let seats = &set.seats;
            if seats.len() > lacking.placeable {
                lacking = Lacking { size, placeable: seats.len(), region };
            }
            let Some(length) = length(rules, prices(seats)).filter(|_| seats.len() == size) else { continue };
            let total = seats.iter().fold(0u64, |sum, seat| sum.saturating_add(seat.chosen.score.total()));
            if best.as_ref().is_none_or(|(known, _)| total < *known) {
                best = Some((total, (set, length)));
            }
        }
        let missing = if lacking.placeable == size { Unplanned::Deposit } else { Unplanned::Nodes(lacking) };
        Some(best.map(|(_, found)| found).ok_or(missing))
    }

    /// How many nodes are lacking for anybody who asks for the same, whatever happened to it and whatever it can pay.
    /// None where there are enough.
    pub(crate) fn shortfall(
        &self,
        now: Now,
        job: Address,
        demand: &Demand,
        tight: &mut BTreeSet<u32>,
    ) -> Option<Shortfall> {
        let (entry, together) = (self.jobs.get(&job)?, demand.together?);
        let mut rules = with_money(&entry.view.job);
        rules.terms.concurrent_leases = u16::MAX;
        let mut lacking = Vec::new();
        for (region, regions) in places(together, demand.regions) {
            let demand = Demand { regions, ..demand.clone() };
            let there = self.seats(now, &rules, &Request::new(&demand), tight).seats.len();
            if there >= together.size() {
                return None;
            }
            lacking.push((region.and_then(region::bit), together.size() - there));
        }
        Some(Shortfall::new(lacking))
    }

    /// The best nodes on which the chain would open leases by these rules beside each other, at most as many as the
    /// request has members; where those are too few or too dear, as many as there can be, or others that are cheaper.
    pub(super) fn seats(&self, now: Now, rules: &Job, request: &Request, tight: &mut BTreeSet<u32>) -> Set {
        let size = request.demand.together.map_or(1, Together::size);
        let mut wanted = size + SLACK;
        loop {
            let found = self.market.best(now, request, wanted);
            tight.extend(found.tight);
            let are_all = found.candidates.len() < wanted;
            let mut best: Vec<Seat> = Vec::new();
            for order in [Order::Score, Order::Bond, Order::Price] {
                let seats =
                    self.take(now, rules, request.demand, &self.ordered(request, &found.candidates, order), tight);
                if seats.len() == size && length(rules, prices(&seats)).is_some() {
                    return Set::new(seats, &found.candidates);
                }
                if seats.len() > best.len() {
                    best = seats;
                }
                if !are_all || best.len() == found.candidates.len() {
                    break;
                }
            }
            if are_all {
                return Set::new(best, &found.candidates);
            }
            wanted = wanted.saturating_mul(GROWTH);
        }
    }

    fn ordered(&self, request: &Request, candidates: &[Candidate], order: Order) -> Vec<Candidate> {
        let bond = |candidate: &Candidate| {
            let class = self.market.node(candidate.node)?.view.node.hardware.gpu_class;
            let price = PricePerGpuHour(candidate.score.price);
            bond(self.market.parameters()?, class, price, request.demand.units)
        };
        let mut ordered = candidates.to_vec();
        match order {
            Order::Score => {}
            Order::Bond => ordered.sort_by_cached_key(|candidate| (bond(candidate), candidate.score.price)),
            Order::Price => ordered.sort_by_key(|candidate| candidate.score.price),
        }
        ordered
    }

    /// A seat on each of the nodes on which the chain would open one more lease of a job with the money for it.
    fn take(
        &self,
        now: Now,
        rules: &Job,
        demand: &Demand,
        candidates: &[Candidate],
        tight: &mut BTreeSet<u32>,
    ) -> Vec<Seat> {
        let Some(parameters) = self.market.parameters() else { return Vec::new() };
        let size = demand.together.map_or(1, Together::size);
        let (mut rules, maximum) = (with_money(rules), shortest(rules));
        let mut providers: BTreeMap<Address, Provider> = BTreeMap::new();
        let mut taken = BTreeSet::new();
        let mut seats = Vec::new();
        for chosen in candidates.iter().copied() {
            let Some((mut node, provider)) = self.market.projected(chosen.node) else { continue };
            let Some(owner) = self.market.node(chosen.node).map(|node| node.view.provider) else { continue };
            if demand.different_providers && taken.contains(&owner) {
                continue;
            }
            let mut provider = providers.get(&owner).copied().unwrap_or(provider);
            let price = PricePerGpuHour(chosen.score.price);
            let offer = LeaseOffer { price, negotiated: false, maximum };
            match transitions::open_lease(&mut rules, &mut node, &mut provider, offer, parameters, now.chain) {
                Ok(_) => {}
                Err(Error::StakeTooSmall) => {
                    tight.extend(self.market.slot_of(chosen.node));
                    continue;
                }
                Err(_) => continue,
            }
            providers.insert(owner, provider);
            taken.insert(owner);
            seats.push(Seat { chosen, provider: owner, price });
            if seats.len() == size {
                break;
            }
        }
        seats
    }
}

/// Where to look, one place at a time: the region, where all must be in one, and the regions that are allowed there.
pub(super) fn places(together: Together, allowed: u32) -> Vec<(Option<u8>, u32)> {
    match together.locality {
        Locality::Anywhere => vec![(None, allowed)],
        Locality::Region => (0..u8::try_from(region::REGIONS.len()).unwrap_or(u8::MAX))
            .filter_map(|region| Some((Some(region), region::bit(region)?)))
            .filter(|(_, bit)| allowed == 0 || allowed & bit != 0)
            .collect(),
    }
}

/// The job as if money did not matter to it.
fn with_money(job: &Job) -> Job {
    let terms = JobTerms { deposit: MicroUsdc::MAX, ..job.terms };
    Job { terms, reserved: MicroUsdc::ZERO, paid: MicroUsdc::ZERO, fees: MicroUsdc::ZERO, ..*job }
}

/// The shortest lease that is worth its transactions to the job.
fn shortest(rules: &Job) -> Seconds {
    SHORTEST_LEASE.min(rules.terms.lease_seconds)
}

fn prices(seats: &[Seat]) -> impl Iterator<Item = PricePerGpuHour> + Clone {
    seats.iter().map(|seat| seat.price)
}

/// The longest leases that the deposit covers at all of these prices together. None where they are not worth their
/// transactions.
pub(super) fn length(rules: &Job, prices: impl Iterator<Item = PricePerGpuHour> + Clone) -> Option<Seconds> {
    let available = rules.available().ok()?;
    let covered = |seconds: u64| {
        let mut costs =
            prices.clone().map(|price| money::cost(price, rules.terms.requirements.units, Seconds(seconds)));
        let total = costs.try_fold(0u64, |sum, cost| sum.checked_add(cost.ok()?.0));
        total.is_some_and(|total| total <= available.0)
    };
    let longest = Seconds(greatest(rules.terms.lease_seconds.0, covered));
    (longest >= shortest(rules)).then_some(longest)
}
