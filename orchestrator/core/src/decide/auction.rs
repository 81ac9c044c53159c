//! Sealed auctions: a job that asks for one has the nodes that fit it bid for its next leases, and the best bid, by
//! the same charges as a posted price, gets the first of them at its own price. One book of bids serves as many
//! leases as it has bids, as long as they are valid.
//!
//! What was decided is on disk before a lease is offered. Of an auction that is still under way nothing is kept: it
//! is held again.

mod award;

use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::{Address, Seconds, UnixSeconds};

use super::placement::Search;
use crate::agenda::Due;
use crate::auction::{Auction, Book, Entered};
use crate::backoff::Backoff;
use crate::market::Demand;
use crate::state::auctions::{Auctions, OpenAuction};
use crate::{Action, Core, Invitation, Now};

/// Milliseconds in which nodes may bid. Long enough for a rig on another continent to answer several times over.
pub(crate) const WINDOW: u64 = 5_000;
/// From an auction's end until its bids are good no longer: what one book serves leases for.
const VALID: Seconds = Seconds(120);
/// The least that a bid must still be good for when a lease is offered at it: twice the time a worker has to answer.
const TO_ANSWER: Seconds = Seconds(40);
/// Nodes that are invited at most: those that would be the best at their posted prices.
const MOST_INVITED: usize = 32;
/// After an auction that led to nothing.
const REST: Backoff = Backoff { first: 10_000, longest: 120_000 };

/// Milliseconds from an auction that led to nothing to the next one, after so many such before it.
#[cfg(test)]
pub(crate) fn rest_after(earlier: u32) -> u64 {
    REST.after(earlier)
}

impl Core {
    /// Whether bids for the job are still coming in, or none have come and it rests.
    pub(super) fn awaits_bids(&self, now: Now, job: Address) -> bool {
        let auctions = self.auctions.get(&job);
        auctions.is_some_and(|auctions| auctions.open.is_some() || now.millis < auctions.again_at)
    }

    /// Ends the auction whose time has come, or in which nobody is left to bid.
    pub(super) fn tend_auction(&mut self, now: Now, job: Address) {
        let Some(open) = self.auctions.get(&job).and_then(|auctions| auctions.open.as_ref()) else { return };
        let is_over = now.millis >= open.closes_at || open.is_complete();
        let wanted = self.jobs.get(&job).is_some_and(|entry| entry.working()) && self.wants_further_lease(now, job);
        if !is_over && wanted {
            return;
        }
        let Some(auctions) = self.auctions.get_mut(&job) else { return };
        let Some(open) = auctions.open.take() else { return };
        if wanted && open.bids.is_empty() {
            return self.rest(now, job);
        }
        if wanted {
            self.close_auction(now, job, &open);
        }
    }

    fn close_auction(&mut self, now: Now, job: Address, open: &OpenAuction) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let demand = Demand::of_job(entry);
        let past = self.past(job);
        let request = past.request(entry, &demand);
        let bids = open.bids.iter().map(|(node, placed)| Entered {
            node: *node,
            key: placed.key,
            price: placed.price,
            signature: placed.signature,
            facts: self.market.facts(&request, *node),
        });
        let book = Book {
            program: self.settings.program,
            job,
            opened_slot: entry.view.opened_slot,
            auction: open.number,
            closed_at: now.chain,
            valid_until: open.valid_until,
            maximum_price: entry.view.job.terms.maximum_price,
            weights: self.settings.weights,
            bids: bids.collect(),
        };
        if let Some(auctions) = self.auctions.get_mut(&job) {
            auctions.held.insert(open.number, Auction::new(book));
            self.touch_auction(job, open.number);
        }
    }

    /// Has the nodes that fit the job bid.
    fn open_auction(&mut self, now: Now, job: Address, demand: &Demand) -> Search {
        let past = self.past(job);
        let Some(entry) = self.jobs.get(&job) else { return Search::Refused };
        let mut found = self.market.best(now, &past.request(entry, demand), MOST_INVITED);
        for slot in std::mem::take(&mut found.tight) {
            self.market.mark_tight(slot);
        }
        if found.candidates.is_empty() {
            return Search::Nothing;
        }
        let opened_slot = entry.view.opened_slot;
        let auctions = self.auctions.entry(job).or_insert_with(|| Auctions { opened_slot, ..Auctions::default() });
        let closes_at = now.millis.saturating_add(WINDOW);
        let valid_until = UnixSeconds((closes_at / 1_000).saturating_add(VALID.0));
        let number = auctions.next_number();
        let invited: BTreeSet<Address> = found.candidates.iter().map(|one| one.node).collect();
        let nodes = invited.iter().copied().collect();
        let (bids, declined) = (BTreeMap::new(), BTreeSet::new());
        auctions.open = Some(OpenAuction { number, closes_at, valid_until, invited, bids, declined });
        self.bring_forward(job, Due { millis: closes_at, ..Due::NEVER });
        let invitation = Invitation { job, opened_slot, auction: number, valid_until };
        self.push(Action::InviteBids { nodes, invitation });
        Search::Placed
    }

    /// The last auction led to nothing: the next one is not held at once.
    fn rest(&mut self, now: Now, job: Address) {
        let Some(auctions) = self.auctions.get_mut(&job) else { return };
        auctions.again_at = now.millis.saturating_add(REST.after(auctions.failures));
        auctions.failures = auctions.failures.saturating_add(1);
        let millis = auctions.again_at;
        self.bring_forward(job, Due { millis, ..Due::NEVER });
    }

    /// Another job is under the same id.
    pub(crate) fn forget_auctions(&mut self, job: Address) {
        self.auctions.remove(&job);
    }
}
