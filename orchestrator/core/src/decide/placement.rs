use std::cmp::Reverse;

use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::{Address, Parameters, PricePerGpuHour, Seconds, money};

use crate::state::job::{JobEntry, PendingOffer};
use crate::state::lease::Stage;
use crate::{Action, Core, Now, Offer};

/// Milliseconds until an offer that came to nothing no longer blocks its job. Longer than a signed
/// transaction stays valid, so that two offers never race for one lease number.
const OFFER_PATIENCE: u64 = 120_000;

/// Leases shorter than this are not worth their transactions.
pub(crate) const SHORTEST_LEASE: Seconds = Seconds(10);

impl Core {
    /// Offers the job's next lease to the cheapest node that fits, one offer at a time: the
    /// numbers of a job's leases follow one another.
    pub(super) fn place(&mut self, now: Now, job: Address) {
        self.drop_landed_offer(now, job);
        let Some(parameters) = self.parameters else { return };
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.working()) else { return };
        let blocked = entry.offer.is_some() || entry.past_start_deadline(now.chain) || self.awaits_an_end(job);
        if blocked || !self.wants_lease(job, entry) {
            return;
        }
        let Some((node, terms)) = self.choose(now, job, &parameters) else { return };
        let Some(provider) = self.nodes.get(&node).map(|node| node.view.provider) else { return };
        let number = entry.view.job.leases_opened;
        let offer =
            Offer { offer: self.next_offer, job, node, provider, number, price: terms.price, maximum: terms.maximum };
        self.next_offer += 1;
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.offer = Some(PendingOffer { offer, until: now.millis + OFFER_PATIENCE });
        }
        self.push(Action::OfferLease(offer));
    }

    /// An offer is over when both the job and the lease show it, or when it can no longer land.
    fn drop_landed_offer(&mut self, now: Now, job: Address) {
        let Some(pending) = self.jobs.get(&job).and_then(|entry| entry.offer) else { return };
        let number = pending.offer.number;
        let counted = self.jobs[&job].view.job.leases_opened > number;
        let leases = self.open_leases_of(job);
        let seen = leases.iter().any(|lease| self.leases[lease].view.number == number);
        if (counted && seen) || now.millis >= pending.until {
            self.jobs.entry(job).and_modify(|entry| entry.offer = None);
        }
    }

    /// Whether a lease of the job is about to end on chain. What that does to the job's state,
    /// attempts and money is not known before it has, so no further lease can be dry-run.
    fn awaits_an_end(&self, job: Address) -> bool {
        let leases = self.open_leases_of(job);
        let mut leases = leases.iter().filter_map(|lease| self.leases.get(lease));
        leases.any(|lease| lease.stage == Stage::Final || lease.crank.in_flight)
    }

    /// Whether more tasks wait than leases are about to take.
    pub(crate) fn wants_lease(&self, job: Address, entry: &JobEntry) -> bool {
        let idle = |lease: &&Address| {
            let working = self.leases.get(lease).is_some_and(|entry| entry.stage == Stage::Working && !entry.silenced);
            working && self.active_task(**lease).is_none()
        };
        let idle = self.open_leases_of(job).iter().filter(idle).count();
        entry.pending_tasks() > idle
    }

    /// The cheapest node that fits, preferring nodes that have not failed the job, then nodes that
    /// have its image, then the lowest address.
    fn choose(&self, now: Now, job: Address, parameters: &Parameters) -> Option<(Address, LeaseOffer)> {
        let entry = self.jobs.get(&job)?;
        let image = &entry.workload()?.image;
        let fits = |node: &&Address| self.exclusions(now, job, **node).iter().all(|constraint| constraint.is_wish());
        let offers = self.nodes.keys().filter(fits).filter_map(|node| {
            let price = self.nodes.get(node)?.view.node.posted_price(entry.view.job.terms.spot)?;
            let maximum = affordable(entry, price)?;
            let offer = LeaseOffer { price, negotiated: false, maximum };
            self.dry_run(now, job, *node, offer, parameters).ok()?;
            let failed = entry.failed_nodes.contains(node);
            let cached = self.workers.get(node).is_some_and(|worker| worker.images.contains(image));
            Some(((failed, price, Reverse(cached), *node), offer))
        });
        offers.min_by_key(|(order, _)| *order).map(|((_, _, _, node), offer)| (node, offer))
    }
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
