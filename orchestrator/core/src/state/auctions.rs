use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::{Address, PricePerGpuHour, UnixSeconds};
use millrace_spec::BidSignature;

use crate::auction::Auction;

/// The auctions of one job.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Auctions {
    /// Of the job's account.
    pub opened_slot: u64,
    /// Those that are over and had a bid, by their number.
    pub held: BTreeMap<u32, Auction>,
    /// The one under way. Not kept on disk: nothing was decided, so it is held again.
    pub open: Option<OpenAuction>,
    /// Milliseconds before which no further one begins.
    pub again_at: u64,
    /// Milliseconds at which the worker of the best bid is silent for good, if it is not back by then.
    pub waits_until: u64,
    /// How many in a row led to nothing.
    pub failures: u32,
    /// The last one of which it is known whether it led to something.
    pub judged: Option<u32>,
}

/// An auction whose bids are still coming in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenAuction {
    pub number: u32,
    /// Milliseconds after which no bid counts.
    pub closes_at: u64,
    pub valid_until: UnixSeconds,
    pub invited: BTreeSet<Address>,
    /// By node.
    pub bids: BTreeMap<Address, Placed>,
    pub declined: BTreeSet<Address>,
}

/// A bid that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub key: Address,
    pub price: PricePerGpuHour,
    pub signature: BidSignature,
}

impl OpenAuction {
    /// Whether nobody is left who might bid.
    pub fn is_complete(&self) -> bool {
        self.invited.iter().all(|node| self.bids.contains_key(node) || self.declined.contains(node))
    }
}

impl Auctions {
    pub fn next_number(&self) -> u32 {
        self.held.last_key_value().map_or(0, |(number, _)| number.saturating_add(1))
    }
}
