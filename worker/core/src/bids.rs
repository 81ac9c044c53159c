use millrace_protocol::{Address, PricePerGpuHour, UnixSeconds};
use millrace_spec::SignedBid;
use serde::{Deserialize, Serialize};

/// How many bids a rig remembers: what its owner can show to have bid, beside those that are still good.
const MOST: usize = 256;

/// A bid that the rig has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnBid {
    pub signed: SignedBid,
    pub made_at: UnixSeconds,
    /// The lease that the rig has agreed to at it: a bid is good for one.
    pub lease: Option<Address>,
}

/// What the rig has bid, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Bids(Vec<OwnBid>);

/// Whether a lease may be had at a bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    /// The rig has bid nothing like it.
    Unknown,
    Expired,
    /// Another lease was had at it.
    Used,
}

impl Bids {
    pub fn iter(&self) -> impl Iterator<Item = &OwnBid> {
        self.0.iter()
    }

    pub fn note(&mut self, signed: SignedBid, made_at: UnixSeconds, lease: Option<Address>) {
        if self.0.iter().any(|own| own.signed == signed) {
            return;
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(OwnBid { signed, made_at, lease });
    }

    /// Whether the lease may be had at a bid of this price.
    pub fn standing(&self, job: Address, price: PricePerGpuHour, lease: Address, now: UnixSeconds) -> Standing {
        let like_it = || self.0.iter().filter(|own| own.signed.bid.job == job && own.signed.bid.price == price);
        let free = || like_it().filter(|own| own.lease.is_none_or(|had| had == lease));
        if free().any(|own| now <= own.signed.bid.valid_until) {
            Standing::Good
        } else if free().next().is_some() {
            Standing::Expired
        } else if like_it().next().is_some() {
            Standing::Used
        } else {
            Standing::Unknown
        }
    }

    /// The rig agrees to the lease at its latest bid of this price, where there is one that no other lease was had at.
    pub fn take(&mut self, job: Address, price: PricePerGpuHour, lease: Address) {
        if self.0.iter().any(|own| own.lease == Some(lease)) {
            return;
        }
        let fits = |own: &&mut OwnBid| own.signed.bid.job == job && own.signed.bid.price == price;
        if let Some(own) = self.0.iter_mut().rev().find(|own| fits(own) && own.lease.is_none()) {
            own.lease = Some(lease);
        }
    }
}
