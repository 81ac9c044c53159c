use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::transitions::{self, LeaseOffer};
use millrace_protocol::{Address, PricePerGpuHour, Seconds, money};

use crate::market::{Candidate, Demand, Request};
use crate::state::job::{Decision, JobEntry, PendingOffer};
use crate::state::lease::Stage;
use crate::{Action, Core, Now, Offer};

/// Milliseconds until an offer that came to nothing no longer blocks its job. Longer than a signed
/// transaction stays valid, so that two offers never race for one lease number.
const OFFER_PATIENCE: u64 = 120_000;

/// Leases shorter than this are not worth their transactions.
pub(crate) const SHORTEST_LEASE: Seconds = Seconds(10);

/// How many nodes a decision remembers beside the one it chose.
const RUNNERS_UP: usize = 2;

/// What a job's turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    Placed,
    /// A node fits, but the chain would not open this job's lease on it.
    Refused,
    /// No node fits the job.
    Nothing,
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
        let mut found = self.market.best(now, &past.request(entry, demand), RUNNERS_UP + 1);
        for slot in std::mem::take(&mut found.tight) {
            self.market.mark_tight(slot);
        }
        if found.candidates.is_empty() {
            return Search::Nothing;
        }
        let Some((offer, decision)) = self.choose(now, job, found.candidates) else { return Search::Refused };
        self.next_offer += 1;
        self.set_offer(now, job, Some(PendingOffer { offer, until: now.millis + OFFER_PATIENCE }));
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.decisions.insert(offer.number, decision);
        }
        self.push(Action::OfferLease(offer));
        Search::Placed
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
            entry.decisions.remove(&number);
        }
        self.set_offer(now, job, None);
    }

    /// Whether a lease of the job is about to end on chain. What that does to the job's state,
    /// attempts and money is not known before it has, so no further lease can be dry-run.
    pub(crate) fn awaits_an_end(&self, job: Address) -> bool {
        let mut leases = self.open_leases.of_job(job).filter_map(|lease| self.leases.get(&lease));
        leases.any(|lease| lease.stage == Stage::Final || lease.crank.in_flight)
    }

    /// Whether more tasks wait than leases are about to take.
    pub(crate) fn wants_lease(&self, job: Address, entry: &JobEntry) -> bool {
        let idle = |lease: &Address| {
            let working = self.leases.get(lease).is_some_and(|entry| entry.stage == Stage::Working && !entry.silenced);
            working && self.active_task(*lease).is_none()
        };
        let idle = self.open_leases.of_job(job).filter(idle).count();
        entry.pending_tasks() > idle
    }

    fn choose(&self, now: Now, job: Address, candidates: Vec<Candidate>) -> Option<(Offer, Decision)> {
        let mut candidates = candidates.into_iter();
        let chosen = candidates.next()?;
        let entry = self.jobs.get(&job)?;
        let terms = LeaseOffer {
            price: PricePerGpuHour(chosen.score.price),
            negotiated: false,
            maximum: affordable(entry, PricePerGpuHour(chosen.score.price))?,
        };
        let provider = self.dry_run(now, entry, chosen, terms)?;
        let number = entry.view.job.leases_opened;
        let (offer, node) = (self.next_offer, chosen.node);
        let offer = Offer { offer, job, node, provider, number, price: terms.price, maximum: terms.maximum };
        Some((offer, Decision { number, chosen, runners_up: candidates.collect() }))
    }

    /// Whether a node fits the job's demand that only the job's own past keeps from it.
    pub(super) fn fits_others(&self, now: Now, job: Address, demand: &Demand) -> bool {
        let past = self.past(job);
        let has_past = self.jobs.get(&job).is_some_and(|entry| past.request(entry, demand).has_past());
        has_past && !self.market.best(now, &Request::new(demand), 1).candidates.is_empty()
    }

    /// What the chain would say to this lease, with everything on its way already counted: the provider,
    /// where it would open it.
    fn dry_run(&self, now: Now, entry: &JobEntry, chosen: Candidate, offer: LeaseOffer) -> Option<Address> {
        let (mut node, mut provider) = self.market.projected(chosen.node)?;
        let mut job = entry.view.job;
        let parameters = self.market.parameters()?;
        transitions::open_lease(&mut job, &mut node, &mut provider, offer, parameters, now.chain).ok()?;
        self.market.node(chosen.node).map(|node| node.view.provider)
    }

    pub(crate) fn past(&self, job: Address) -> Past {
        let live = |lease: Address| self.leases.get(&lease).filter(|entry| entry.is_live());
        let leases = || self.open_leases.of_job(job).filter_map(live);
        Past {
            leased: leases().map(|entry| entry.view.node).collect(),
            providers: leases().map(|entry| entry.view.provider).collect(),
            affordable: self.job(job).map_or(PricePerGpuHour::ZERO, highest_affordable),
        }
    }
}

impl Past {
    pub(crate) fn request<'a>(&'a self, entry: &'a JobEntry, demand: &'a Demand) -> Request<'a> {
        let resting: &BTreeMap<Address, u64> = &entry.resting;
        Request {
            demand,
            affordable: self.affordable,
            leased: &self.leased,
            providers: &self.providers,
            resting,
            failed: &entry.failed_nodes,
        }
    }
}

/// The highest price at which the rest of the job's deposit covers the shortest lease worth having:
/// where `floor(price * units * seconds / 3600)` is still within it. Zero where the books do not add up.
fn highest_affordable(entry: &JobEntry) -> PricePerGpuHour {
    let job = &entry.view.job;
    let Ok(available) = job.available() else { return PricePerGpuHour::ZERO };
    let seconds = SHORTEST_LEASE.min(job.terms.lease_seconds);
    let per_price = u128::from(job.terms.requirements.units.0) * u128::from(seconds.0);
    let price = ((u128::from(available.0) + 1) * 3_600 - 1).checked_div(per_price).unwrap_or(u128::MAX);
    PricePerGpuHour(u64::try_from(price).unwrap_or(u64::MAX))
}

/// The longest lease at this price that the job's deposit still covers, at most its own limit.
/// None when that is too short to be worth a transaction.
pub(crate) fn affordable(entry: &JobEntry, price: PricePerGpuHour) -> Option<Seconds> {
    let job = &entry.view.job;
    let available = job.available().ok()?;
    let covered = |seconds: u64| {
        money::cost(price, job.terms.requirements.units, Seconds(seconds)).is_ok_and(|cost| cost <= available)
    };
    let longest = job.terms.lease_seconds.0;
    let (mut covers, mut exceeds) = (0, longest + 1);
    while exceeds - covers > 1 {
        let middle = covers + (exceeds - covers) / 2;
        if covered(middle) { covers = middle } else { exceeds = middle }
    }
    (covers >= SHORTEST_LEASE.0.min(longest)).then_some(Seconds(covers))
}
