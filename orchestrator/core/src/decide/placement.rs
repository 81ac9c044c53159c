use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::transitions::{self, LeaseOffer};
use millrace_protocol::{Address, PricePerGpuHour, Seconds, money};

use super::service::SHORTEST_SERVICE_LEASE;
use crate::bisection::greatest;
use crate::market::{Candidate, Demand, Found, Request};
use crate::state::job::{Decision, JobEntry, PendingOffer};
use crate::state::lease::Stage;
use crate::{Action, Core, Now, Offer};

/// Milliseconds until an offer that came to nothing no longer blocks its job. Longer than a signed
/// transaction stays valid, so that two offers never race for one lease number.
const OFFER_PATIENCE: u64 = 120_000;

/// Leases shorter than this are not worth their transactions.
pub(crate) const SHORTEST_LEASE: Seconds = Seconds(10);

/// How many nodes a decision remembers beside the one it chose.
pub(super) const RUNNERS_UP: usize = 2;

/// What a job's turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    Placed,
    /// A node fits, but the chain would not open this job's lease on it.
    Refused,
    /// No node fits the job.
    Nothing,
    /// Too few nodes are there for a gang, and its line sleeps until there may be enough.
    Asleep,
}

/// What of a job's past speaks against nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    leased: BTreeSet<Address>,
    providers: BTreeSet<Address>,
    affordable: PricePerGpuHour,
}

impl Core {
    /// Offers the job's next lease to the best node that fits, one offer at a time: the numbers of a job's
    /// leases follow one another.
    pub(super) fn place(&mut self, now: Now, job: Address, demand: &Demand) -> Search {
        let past = self.past(job);
        let Some(entry) = self.jobs.get(&job) else { return Search::Refused };
        if entry.is_gang() {
            return self.place_gang(now, job, demand);
        }
        if entry.is_counted() {
            return self.place_member(now, job, demand);
        }
        if entry.is_auctioned() {
            return self.place_by_auction(now, job, demand);
        }
        let is_service = entry.is_service();
        let mut found = Found::default();
        if is_service && !demand.different_providers {
            // Replicas that no single provider's fault can end together, where there are enough.
            let spread = Demand { different_providers: true, ..demand.clone() };
            found = self.market.best(now, &past.request(entry, &spread), RUNNERS_UP + 1);
        }
        if found.candidates.is_empty() {
            found = self.market.best(now, &past.request(entry, demand), RUNNERS_UP + 1);
        }
        for slot in std::mem::take(&mut found.tight) {
            self.market.mark_tight(slot);
        }
        if found.candidates.is_empty() {
            return Search::Nothing;
        }
        let Some((offer, decision)) = self.choose(now, job, found.candidates) else { return Search::Refused };
        self.send_offer(now, offer, decision);
        Search::Placed
    }

    pub(super) fn send_offer(&mut self, now: Now, offer: Offer, decision: Decision) {
        self.next_offer += 1;
        self.set_offer(now, offer.job, Some(PendingOffer { offer, until: now.millis + OFFER_PATIENCE }));
        if let Some(entry) = self.jobs.get_mut(&offer.job) {
            entry.story_mut().decisions.insert(offer.number, decision);
        }
        self.push(Action::OfferLease(offer));
    }

    /// An offer is over when both the job and the lease show it, or when it can no longer land.
    pub(super) fn drop_landed_offer(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let Some(pending) = &entry.offer else { return };
        let number = pending.offer.number;
        let counted = entry.view.job.leases_opened > number;
        let seen = self.open_leases.of_job(job).any(|lease| self.leases[&lease].view.number == number);
        if !(counted && seen) && now.millis < pending.until {
            return;
        }
        if !seen && let Some(entry) = self.jobs.get_mut(&job) {
            entry.story_mut().decisions.remove(&number);
        }
        self.set_offer(now, job, None);
    }

    /// Whether a lease of the job is about to end on chain. What that does to the job's state,
    /// attempts and money is not known before it has, so no further lease can be dry-run.
    pub(crate) fn awaits_an_end(&self, job: Address) -> bool {
        let mut leases = self.open_leases.of_job(job).filter_map(|lease| self.leases.get(&lease));
        leases.any(|lease| lease.stage == Stage::Final || lease.crank.in_flight)
    }

    pub(super) fn choose(&self, now: Now, job: Address, candidates: Vec<Candidate>) -> Option<(Offer, Decision)> {
        let mut candidates = candidates.into_iter();
        let chosen = candidates.next()?;
        let entry = self.jobs.get(&job)?;
        let terms = LeaseOffer {
            price: PricePerGpuHour(chosen.score.price),
            negotiated: false,
            maximum: self.lease_length(now, job, PricePerGpuHour(chosen.score.price))?,
        };
        let provider = self.dry_run(now, entry, chosen, terms)?;
        let number = entry.view.job.leases_opened;
        let (offer, node) = (self.next_offer, chosen.node);
        let (price, maximum) = (terms.price, terms.maximum);
        let offer = Offer { offer, job, node, provider, number, price, maximum, bid_book: None, joins: None };
        Some((offer, Decision { number, chosen, runners_up: candidates.collect() }))
    }

    /// The longest lease that the deposit covers. Replicas that are lacking share what there is, so that none of
    /// them has to wait for the end of another.
    pub(super) fn lease_length(&self, now: Now, job: Address, price: PricePerGpuHour) -> Option<Seconds> {
        let entry = self.jobs.get(&job)?;
        if entry.is_counted() {
            // Each member does the same work: those that are lacking share what there is.
            let share = covered(entry, price, u64::try_from(self.free_places(now, job).max(1)).unwrap_or(u64::MAX));
            return share.filter(|share| *share >= shortest_lease(entry));
        }
        let longest = affordable(entry, price)?;
        if !entry.is_service() {
            return Some(longest);
        }
        let lacking = self.waiting(now, job, entry, now.millis).saturating_sub(self.idle_leases(job)).max(1);
        let share = covered(entry, price, u64::try_from(lacking).unwrap_or(u64::MAX));
        Some(share.filter(|share| *share >= shortest_lease(entry)).unwrap_or(longest))
    }

    /// Whether a node fits the job's demand that only the job's own past keeps from it.
    pub(super) fn fits_others(&self, now: Now, job: Address, demand: &Demand) -> bool {
        let past = self.past(job);
        let has_past = self.jobs.get(&job).is_some_and(|entry| past.request(entry, demand).has_past());
        has_past && !self.market.best(now, &Request::new(demand), 1).candidates.is_empty()
    }

    /// What the chain would say to this lease, with everything on its way already counted: the provider,
    /// where it would open it.
    pub(super) fn dry_run(&self, now: Now, entry: &JobEntry, chosen: Candidate, offer: LeaseOffer) -> Option<Address> {
        let (mut node, mut provider) = self.market.projected(chosen.node)?;
        let mut job = entry.with_promises().ok()?;
        let parameters = self.market.parameters()?;
        transitions::open_lease(&mut job, &mut node, &mut provider, offer, parameters, now.chain).ok()?;
        self.market.node(chosen.node).map(|node| node.view.provider)
    }

    pub(crate) fn past(&self, job: Address) -> Past {
        let live = |lease: Address| self.leases.get(&lease).filter(|entry| entry.is_live());
        let leases = || self.open_leases.of_job(job).filter_map(live);
        Past {
            leased: leases().map(|entry| entry.view.node).collect(),
            providers: leases().map(|entry| entry.view.provider).chain(self.providers_of_round(job)).collect(),
            affordable: self.job(job).map_or(PricePerGpuHour::ZERO, most_to_ask),
        }
    }
}

impl Past {
    /// Nor does the provider get a further one.
    pub(super) fn note_provider(&mut self, provider: Address) {
        self.providers.insert(provider);
    }

    pub(crate) fn request<'a>(&'a self, entry: &'a JobEntry, demand: &'a Demand) -> Request<'a> {
        let resting: &BTreeMap<Address, u64> = &entry.story().resting;
        Request {
            demand,
            affordable: self.affordable,
            leased: &self.leased,
            providers: &self.providers,
            resting,
            failed: &entry.story().failed_nodes,
        }
    }
}

/// The highest posted price that a node may have. Where nodes bid it does not matter, as long as there is any money.
pub(crate) fn most_to_ask(entry: &JobEntry) -> PricePerGpuHour {
    let affordable = highest_affordable(entry);
    if entry.is_auctioned() && affordable > PricePerGpuHour::ZERO { PricePerGpuHour::MAX } else { affordable }
}

/// The highest price at which the rest of the job's deposit covers the shortest lease worth having:
/// where `floor(price * units * seconds / 3600)` is still within it. Zero where the books do not add up.
fn highest_affordable(entry: &JobEntry) -> PricePerGpuHour {
    let job = &entry.view.job;
    let Ok(available) = entry.spendable() else { return PricePerGpuHour::ZERO };
    let seconds = shortest_lease(entry);
    let per_price = u128::from(job.terms.requirements.units.0) * u128::from(seconds.0);
    let price = ((u128::from(available.0) + 1) * 3_600 - 1).checked_div(per_price).unwrap_or(u128::MAX);
    PricePerGpuHour(u64::try_from(price).unwrap_or(u64::MAX))
}

/// The longest lease at this price that the job's deposit still covers, at most its own limit.
/// None when that is too short to be worth a transaction.
pub(crate) fn affordable(entry: &JobEntry, price: PricePerGpuHour) -> Option<Seconds> {
    covered(entry, price, 1).filter(|seconds| *seconds >= shortest_lease(entry))
}

/// The shortest lease that is worth its transactions to the job.
pub(crate) fn shortest_lease(entry: &JobEntry) -> Seconds {
    let is_service = entry.is_service();
    let shortest = if is_service { SHORTEST_SERVICE_LEASE } else { SHORTEST_LEASE };
    shortest.min(entry.view.job.terms.lease_seconds)
}

/// Whether the rest of the deposit is enough for so many leases at this price.
pub(crate) fn enough_for(entry: &JobEntry, price: PricePerGpuHour, leases: usize) -> bool {
    let leases = u64::try_from(leases).unwrap_or(u64::MAX);
    covered(entry, price, leases).is_some_and(|seconds| seconds >= shortest_lease(entry))
}

/// The longest leases at this price of which the deposit covers `count`, at most their own limit.
fn covered(entry: &JobEntry, price: PricePerGpuHour, count: u64) -> Option<Seconds> {
    let job = &entry.view.job;
    let available = entry.spendable().ok()?;
    let covered = |seconds: u64| {
        let cost = money::cost(price, job.terms.requirements.units, Seconds(seconds));
        cost.ok().and_then(|cost| cost.0.checked_mul(count)).is_some_and(|cost| cost <= available.0)
    };
    Some(Seconds(greatest(job.terms.lease_seconds.0, covered)))
}
