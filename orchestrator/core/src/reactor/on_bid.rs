use millrace_protocol::{Address, PricePerGpuHour, UnixSeconds};
use millrace_spec::SignedBid;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::state::auctions::Placed;
use crate::{Action, Core, Now};

/// Why a bid does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum BidRefused {
    #[error("no such auction is open")]
    NoAuction,
    #[error("the auction is over")]
    Late,
    #[error("the node was not invited")]
    NotInvited,
    #[error("the node has bid already, or declined to")]
    Twice,
    #[error("the bid is signed for another auction, or to be good until another moment")]
    OtherTerms,
    #[error("a bid of {bid} is not above nothing and at most the job's maximum of {maximum}")]
    PriceOutOfBounds { bid: PricePerGpuHour, maximum: PricePerGpuHour },
    /// Only whoever has verified signatures can say so; see [`crate::Event::BidMade`].
    #[error("the bid is not signed by the node's key")]
    Forged,
}

impl BidRefused {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAuction => "bid-without-auction",
            Self::Late => "bid-late",
            Self::NotInvited => "bid-uninvited",
            Self::Twice => "bid-twice",
            Self::OtherTerms => "bid-other-terms",
            Self::PriceOutOfBounds { .. } => "bid-price-out-of-bounds",
            Self::Forged => "bid-forged",
        }
    }
}

impl Core {
    pub(crate) fn on_bid(&mut self, now: Now, signed: SignedBid, key: Address) {
        let (node, job, auction) = (signed.bid.node, signed.bid.job, signed.bid.auction);
        if let Err(reason) = self.take_bid(now, signed, key) {
            self.push(Action::RefuseBid { node, job, auction, reason });
        }
    }

    fn take_bid(&mut self, now: Now, signed: SignedBid, key: Address) -> Result<(), BidRefused> {
        let bid = signed.bid;
        let maximum = self.jobs.get(&bid.job).map(|entry| entry.view.job.terms.maximum_price);
        let program = self.settings.program;
        let auctions = self.auctions.get_mut(&bid.job).ok_or(BidRefused::NoAuction)?;
        let was_held = auctions.held.contains_key(&bid.auction);
        let opened_slot = auctions.opened_slot;
        let Some(open) = auctions.open.as_mut().filter(|open| open.number == bid.auction) else {
            return Err(if was_held { BidRefused::Late } else { BidRefused::NoAuction });
        };
        if now.millis >= open.closes_at {
            return Err(BidRefused::Late);
        }
        if !open.invited.contains(&bid.node) {
            return Err(BidRefused::NotInvited);
        }
        if open.bids.contains_key(&bid.node) || open.declined.contains(&bid.node) {
            return Err(BidRefused::Twice);
        }
        let terms: (Address, u64, UnixSeconds) = (program, opened_slot, open.valid_until);
        if (bid.program, bid.opened_slot, bid.valid_until) != terms {
            return Err(BidRefused::OtherTerms);
        }
        let maximum = maximum.ok_or(BidRefused::NoAuction)?;
        if bid.price == PricePerGpuHour::ZERO || bid.price > maximum {
            return Err(BidRefused::PriceOutOfBounds { bid: bid.price, maximum });
        }
        open.bids.insert(bid.node, Placed { key, price: bid.price, signature: signed.signature });
        Ok(())
    }

    /// The node does not bid.
    pub(crate) fn on_bid_declined(&mut self, node: Address, job: Address, auction: u32) {
        let open = self.auctions.get_mut(&job).and_then(|auctions| auctions.open.as_mut());
        if let Some(open) = open.filter(|open| open.number == auction && open.invited.contains(&node))
            && !open.bids.contains_key(&node)
        {
            open.declined.insert(node);
        }
    }
}
