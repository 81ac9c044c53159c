use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::transitions::{self, LeaseOffer};
use millrace_protocol::{Address, Provider, Seconds, money, region};
use millrace_spec::Locality;
use serde::{Deserialize, Serialize};

use crate::decide::placement::shortest_lease;
use crate::market::Demand;
use crate::state::gang::Seat;
use crate::state::job::JobEntry;
use crate::{Core, Now, Workload};

/// Nodes looked at beyond the gang's size: some are with a provider whose stake covers only a part of them.
const SLACK: usize = 16;

/// The most members of a gang that could have a node now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacking {
    pub size: usize,
    pub placeable: usize,
    /// Where that is; none where the gang may be anywhere, or where no member could have one.
    pub region: Option<u8>,
}

impl Core {
    /// A node for every member, the best set of all regions; or how many members could have one.
    pub(crate) fn plan_gang(
        &self,
        now: Now,
        job: Address,
        demand: &Demand,
    ) -> Result<(Vec<Seat>, Seconds), Option<Lacking>> {
        let entry = self.jobs.get(&job).ok_or(None)?;
        let gang = entry.workload().and_then(Workload::gang).ok_or(None)?;
        let size = entry.tasks.len();
        let mut best: Option<(u64, (Vec<Seat>, Seconds))> = None;
        let mut lacking = Lacking { size, placeable: 0, region: None };
        for region in regions(gang.locality, demand.regions) {
            let regions = region.and_then(region::bit).unwrap_or(demand.regions);
            let seats = self.seats(now, job, &Demand { regions, ..demand.clone() });
            if seats.len() < size {
                if seats.len() > lacking.placeable {
                    lacking = Lacking { size, placeable: seats.len(), region };
                }
                continue;
            }
            let Some(length) = length(entry, &seats) else { continue };
            let total = seats.iter().fold(0u64, |sum, seat| sum.saturating_add(seat.chosen.score.total()));
            if best.as_ref().is_none_or(|(known, _)| total < *known) {
                best = Some((total, (seats, length)));
            }
        }
        best.map(|(_, found)| found).ok_or(Some(lacking))
    }

    /// The best nodes on which the chain would open leases of the job beside each other, at most as many as it has
    /// members.
    pub(super) fn seats(&self, now: Now, job: Address, demand: &Demand) -> Vec<Seat> {
        let past = self.past(job);
        let (Some(entry), Some(parameters)) = (self.jobs.get(&job), self.market.parameters()) else {
            return Vec::new();
        };
        let size = entry.tasks.len();
        let found = self.market.best(now, &past.request(entry, demand), size + SLACK);
        let maximum = shortest_lease(entry);
        let mut rules = entry.view.job;
        let mut providers: BTreeMap<Address, Provider> = BTreeMap::new();
        let mut taken = BTreeSet::new();
        let mut seats = Vec::new();
        for chosen in found.candidates {
            let Some((mut node, provider)) = self.market.projected(chosen.node) else { continue };
            let Some(owner) = self.market.node(chosen.node).map(|node| node.view.provider) else { continue };
            if demand.different_providers && taken.contains(&owner) {
                continue;
            }
            let mut provider = providers.get(&owner).copied().unwrap_or(provider);
            let price = millrace_protocol::PricePerGpuHour(chosen.score.price);
            let offer = LeaseOffer { price, negotiated: false, maximum };
            if transitions::open_lease(&mut rules, &mut node, &mut provider, offer, parameters, now.chain).is_err() {
                continue;
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

/// Where to look, one place at a time.
pub(super) fn regions(locality: Locality, allowed: u32) -> Vec<Option<u8>> {
    match locality {
        Locality::Anywhere => vec![None],
        Locality::Region => (0..u8::try_from(region::REGIONS.len()).unwrap_or(u8::MAX))
            .filter(|region| allowed == 0 || region::bit(*region).is_some_and(|bit| allowed & bit != 0))
            .map(Some)
            .collect(),
    }
}

/// The longest leases that the deposit covers of all members together. None where they are not worth their
/// transactions.
fn length(entry: &JobEntry, seats: &[Seat]) -> Option<Seconds> {
    let job = &entry.view.job;
    let available = job.available().ok()?;
    let covered = |seconds: u64| {
        let costs = seats.iter().map(|seat| money::cost(seat.price, job.terms.requirements.units, Seconds(seconds)));
        let total = costs.into_iter().try_fold(0u64, |sum, cost| sum.checked_add(cost.ok()?.0));
        total.is_some_and(|total| total <= available.0)
    };
    let (mut covers, mut exceeds) = (0, job.terms.lease_seconds.0 + 1);
    while exceeds - covers > 1 {
        let middle = covers + (exceeds - covers) / 2;
        if covered(middle) { covers = middle } else { exceeds = middle }
    }
    (covers >= shortest_lease(entry).0).then_some(Seconds(covers))
}
