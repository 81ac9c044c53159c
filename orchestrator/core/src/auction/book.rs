use millrace_protocol::{Address, PricePerGpuHour, UnixSeconds};
use millrace_spec::{Bid, BidSignature, Sha256, SignedBid, merkle};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::market::{Candidate, Facts, Weights};

const DOMAIN: &[u8] = b"millrace bid book v1";

/// All bids of one auction, and everything that their order follows from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    pub program: Address,
    pub job: Address,
    pub opened_slot: u64,
    /// The auction's number within the job.
    pub auction: u32,
    /// By the chain's clock; what was known of the bidders was known then.
    pub closed_at: UnixSeconds,
    /// Of every bid.
    pub valid_until: UnixSeconds,
    /// The job's.
    pub maximum_price: PricePerGpuHour,
    pub weights: Weights,
    /// By node, each once.
    pub bids: Vec<Entered>,
}

/// A bid in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entered {
    pub node: Address,
    /// The node's, when it bid: the signature is this key's.
    pub key: Address,
    pub price: PricePerGpuHour,
    pub signature: BidSignature,
    pub facts: Facts,
}

/// A book that no auction can have.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BookError {
    #[error("the bids are not sorted by node, or a node has two of them")]
    NotSorted,
    #[error("the bid of {node}, {price}, is not above nothing and at most the job's maximum")]
    PriceOutOfBounds { node: Address, price: PricePerGpuHour },
}

impl Book {
    /// # Errors
    /// [`BookError`].
    pub fn check(&self) -> Result<(), BookError> {
        if !self.bids.is_sorted_by(|one, next| one.node < next.node) {
            return Err(BookError::NotSorted);
        }
        let bounds = PricePerGpuHour(1)..=self.maximum_price;
        match self.bids.iter().find(|entered| !bounds.contains(&entered.price)) {
            Some(Entered { node, price, .. }) => Err(BookError::PriceOutOfBounds { node: *node, price: *price }),
            None => Ok(()),
        }
    }

    /// A Merkle root: its first leaf is the auction and the weights, the others are the bids in their order.
    pub fn root(&self) -> Sha256 {
        let bids = self.bids.iter().map(|entered| self.leaf(entered));
        merkle::root_over(std::iter::once(merkle::leaf_of(&self.head())).chain(bids).collect())
    }

    pub fn bid_of(&self, node: Address) -> Option<&Entered> {
        self.bids.iter().find(|entered| entered.node == node)
    }

    /// What the bidder has signed.
    pub fn signed(&self, entered: &Entered) -> SignedBid {
        let bid = Bid {
            program: self.program,
            job: self.job,
            opened_slot: self.opened_slot,
            auction: self.auction,
            node: entered.node,
            price: entered.price,
            valid_until: self.valid_until,
        };
        SignedBid { bid, signature: entered.signature }
    }

    /// Every bid with its score, the best first.
    pub fn ranked(&self) -> Vec<Candidate> {
        let scored = |entered: &Entered| {
            let score = self.weights.score(entered.price, &entered.facts);
            Candidate { node: entered.node, failed: entered.facts.failed_before, score }
        };
        let mut ranked: Vec<Candidate> = self.bids.iter().map(scored).collect();
        ranked.sort_unstable_by_key(Candidate::rank);
        ranked
    }

    /// Numbers in little endian, in the order of the fields; the number of bids last.
    fn head(&self) -> Vec<u8> {
        let Weights { reputation, link, fast_link, image, packing, scarcity } = self.weights;
        [
            DOMAIN,
            &self.program.0,
            &self.job.0,
            &self.opened_slot.to_le_bytes(),
            &self.auction.to_le_bytes(),
            &self.closed_at.0.to_le_bytes(),
            &self.valid_until.0.to_le_bytes(),
            &self.maximum_price.0.to_le_bytes(),
            &reputation.0.to_le_bytes(),
            &link.0.to_le_bytes(),
            &fast_link.to_le_bytes(),
            &image.0.to_le_bytes(),
            &packing.0.to_le_bytes(),
            &scarcity.0.to_le_bytes(),
            &(self.bids.len() as u64).to_le_bytes(),
        ]
        .concat()
    }

    fn leaf(&self, entered: &Entered) -> Sha256 {
        let Facts { reputation, link, image_present, idle_gpus, scarcity, failed_before } = entered.facts;
        let SignedBid { bid, signature } = self.signed(entered);
        let message = bid.message();
        let bytes = [
            message.as_slice(),
            &entered.key.0,
            &signature.0,
            &reputation.0.to_le_bytes(),
            &[u8::from(link.is_some())],
            &link.unwrap_or(0).to_le_bytes(),
            &[u8::from(image_present)],
            &idle_gpus.to_le_bytes(),
            &scarcity.to_le_bytes(),
            &[u8::from(failed_before)],
        ];
        merkle::leaf_of(&bytes.concat())
    }
}
