//! A sealed auction, as anybody may check it afterwards: the bids, what was known of the bidders, the weights, and
//! what was decided from them. The root of all that is not a consequence of something else stands in each lease that
//! the auction led to, so nothing of it can be altered or left out later.

mod book;
mod replay;

use millrace_protocol::Address;
use millrace_spec::Sha256;
use serde::{Deserialize, Serialize};

pub use book::{Book, BookError, Entered};
pub use replay::ReplayError;

use crate::market::Constraint;

/// An auction that is over, and the leases it led to. Kept as long as its job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auction {
    pub book: Book,
    /// Of the book; in each lease's account.
    pub root: Sha256,
    /// In the order in which they were taken, each written down before anything is signed for it.
    pub steps: Vec<Step>,
}

/// What was decided about the best bid that was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// The lease of this number was offered to it.
    Awarded { lease: u32, node: Address },
    /// It cannot have the next lease.
    PassedOver { node: Address, reason: PassedOver },
    /// The lease that was offered to it did not come about, by its own word or the chain's.
    Failed { lease: u32, node: Address, code: String, cause: String },
    /// What came of the offer is not known, and no lease did: the bid stands.
    Lapsed { lease: u32, node: Address },
}

/// Why a bid did not get a lease that was its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PassedOver {
    /// Since it bid, this speaks against its node.
    Excluded(Constraint),
    /// The rest of the deposit does not cover a lease at its price.
    Unaffordable,
    /// The chain would not open the lease.
    NotLeasable,
}

impl Step {
    pub fn node(&self) -> Address {
        match self {
            Self::Awarded { node, .. }
            | Self::PassedOver { node, .. }
            | Self::Failed { node, .. }
            | Self::Lapsed { node, .. } => *node,
        }
    }
}

impl Auction {
    pub(crate) fn new(book: Book) -> Self {
        Self { root: book.root(), book, steps: Vec::new() }
    }
}
