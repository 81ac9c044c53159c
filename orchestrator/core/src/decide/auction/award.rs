//! Who gets the job's next lease, of those that have bid.

use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::{Address, PricePerGpuHour};
use millrace_spec::Sha256;

use super::TO_ANSWER;
use crate::agenda::Due;
use crate::auction::{PassedOver, Step};
use crate::decide::placement::{RUNNERS_UP, Search};
use crate::market::{Candidate, Demand};
use crate::state::job::Decision;
use crate::state::task::Cause;
use crate::{Core, Now, Offer};

/// What speaks against a lease at a bid.
#[derive(Clone, Copy)]
enum Obstacle {
    /// It may be over in a moment, which is waited for.
    Passing,
    Lasting(PassedOver),
}

impl Core {
    /// Offers the next lease to the best bid that is left, or has nodes bid.
    pub(in crate::decide) fn place_by_auction(&mut self, now: Now, job: Address, demand: &Demand) -> Search {
        if self.awaits_bids(now, job) {
            return Search::Refused;
        }
        while let Some((number, root, bids)) = self.next_bids(now, job) {
            let Some(best) = bids.first().copied() else { break };
            match self.terms_at(now, job, demand, best, root) {
                Ok(offer) => {
                    self.note_lapse(job);
                    self.note_step(job, number, Step::Awarded { lease: offer.number, node: offer.node });
                    let runners_up = bids.into_iter().skip(1).take(RUNNERS_UP).collect();
                    self.send_offer(now, offer, Decision { number: offer.number, chosen: best, runners_up });
                    return Search::Placed;
                }
                Err(Obstacle::Passing) => {
                    self.await_bidder(job, best.node);
                    return Search::Refused;
                }
                Err(Obstacle::Lasting(reason)) => {
                    self.note_lapse(job);
                    self.note_step(job, number, Step::PassedOver { node: best.node, reason });
                }
            }
        }
        if self.is_futile(job) {
            self.rest(now, job);
            return Search::Refused;
        }
        self.open_auction(now, job, demand)
    }

    /// The job tries again when the worker is back, or else when it is silent for good.
    fn await_bidder(&mut self, job: Address, node: Address) {
        let patience = self.settings.patience();
        let silent = self.worker(node).map(|worker| worker.silent_from(patience));
        if let Some((auctions, millis)) = self.auctions.get_mut(&job).zip(silent) {
            auctions.waits_until = millis;
            self.bring_forward(job, Due { millis, ..Due::NEVER });
        }
    }

    /// Whether the last auction has led to no lease, and nothing has followed from that yet.
    fn is_futile(&mut self, job: Address) -> bool {
        let Some(auctions) = self.auctions.get_mut(&job) else { return false };
        let Some((number, auction)) = auctions.held.last_key_value() else { return false };
        if auctions.judged.replace(*number) == Some(*number) {
            return false;
        }
        let was_of_use = auction.was_of_use();
        if was_of_use {
            auctions.failures = 0;
        }
        !was_of_use
    }

    /// The last auction, while its bids are good: its number, its root, and the bids that are not used up.
    fn next_bids(&self, now: Now, job: Address) -> Option<(u32, Sha256, Vec<Candidate>)> {
        let (number, auction) = self.auctions.get(&job)?.held.last_key_value()?;
        let needed = (now.millis / 1_000).saturating_add(TO_ANSWER.0);
        let is_good = needed <= auction.book.valid_until.0;
        is_good.then(|| {
            let mut auction = auction.clone();
            auction.steps.extend(self.lapsed(job));
            (*number, auction.root, auction.remaining())
        })
    }

    fn terms_at(
        &self,
        now: Now,
        job: Address,
        demand: &Demand,
        bid: Candidate,
        root: Sha256,
    ) -> Result<Offer, Obstacle> {
        let not_leasable = Obstacle::Lasting(PassedOver::NotLeasable);
        let entry = self.jobs.get(&job).ok_or(not_leasable)?;
        let past = self.past(job);
        let request = past.request(entry, demand);
        if self.market.weigh(now, &request, bid.node).is_none() {
            // Its stream broke, or this orchestrator was away: it has the usual patience to come back.
            if !self.is_connected(bid.node) && !self.is_silent(now, bid.node) {
                return Err(Obstacle::Passing);
            }
            let found = self.market.exclusions(now, &request, bid.node);
            let hard = found.into_iter().find(|constraint| !constraint.is_wish());
            return Err(hard.map_or(not_leasable, |hard| Obstacle::Lasting(PassedOver::Excluded(hard))));
        }
        let price = PricePerGpuHour(bid.score.price);
        let maximum = self.lease_length(now, job, price).ok_or(Obstacle::Lasting(PassedOver::Unaffordable))?;
        let terms = LeaseOffer { price, negotiated: true, maximum };
        let provider = self.dry_run(now, entry, bid, terms).ok_or(not_leasable)?;
        let (offer, number, node) = (self.next_offer, entry.view.job.leases_opened, bid.node);
        Ok(Offer { offer, job, node, provider, number, price, maximum, bid_book: Some(root), joins: None })
    }

    /// An offer that is under way no more, and came to no lease: with the orchestrator's last run, or in time.
    fn lapsed(&self, job: Address) -> Option<Step> {
        let entry = self.jobs.get(&job).filter(|entry| entry.offer.is_none())?;
        let (_, auction) = self.auctions.get(&job)?.held.last_key_value()?;
        let opened = entry.view.job.leases_opened;
        let (lease, node) = auction.last_award().filter(|(lease, _)| *lease >= opened)?;
        Some(Step::Lapsed { lease, node })
    }

    /// Written down only with what follows from it: after a restart the chain may still be about to say otherwise.
    fn note_lapse(&mut self, job: Address) {
        let number = self.auctions.get(&job).and_then(|auctions| auctions.held.last_key_value()).map(|last| *last.0);
        if let Some((number, step)) = number.zip(self.lapsed(job)) {
            self.note_step(job, number, step);
        }
    }

    /// The offer at a bid did not become a lease.
    pub(crate) fn note_failed_award(&mut self, offer: &Offer, cause: Option<&Cause>) {
        if offer.bid_book.is_none() {
            return;
        }
        let Some((number, auction)) = self.auctions.get(&offer.job).and_then(|auctions| auctions.held.last_key_value())
        else {
            return;
        };
        let number = *number;
        if auction.last_award() != Some((offer.number, offer.node)) {
            return;
        }
        let (code, cause) = match cause {
            Some(cause) => (cause.code.clone(), cause.message.clone()),
            None => ("unanswered".to_owned(), "the node did not answer in time".to_owned()),
        };
        self.note_step(offer.job, number, Step::Failed { lease: offer.number, node: offer.node, code, cause });
    }

    fn note_step(&mut self, job: Address, number: u32, step: Step) {
        if let Some(auction) = self.auctions.get_mut(&job).and_then(|auctions| auctions.held.get_mut(&number)) {
            auction.steps.push(step);
            self.touch_auction(job, number);
        }
    }
}
