use millrace_protocol::Address;
use millrace_spec::Sha256;
use thiserror::Error;

use super::{Auction, BookError, Step};
use crate::market::Candidate;

/// What does not follow from an auction's bids.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ReplayError {
    #[error(transparent)]
    Book(#[from] BookError),
    #[error("the root of the bids is {computed}, and the auction's is {recorded}")]
    RootDiffers { computed: Sha256, recorded: Sha256 },
    #[error("lease {lease} went to {node}, whose turn it was not: the best bid that was left is {best}'s")]
    OutOfTurn { lease: u32, node: Address, best: Address },
    #[error("{node} was passed over, whose turn it was not")]
    PassedOutOfTurn { node: Address },
    #[error("lease {lease} was taken from {node}, which did not have it")]
    NotAwarded { lease: u32, node: Address },
    #[error("there is a decision about {node}, which has no bid left")]
    NoBid { node: Address },
}

impl Auction {
    /// Whether each decision follows from the bids: a lease goes to the best bid that is left, and a bid is used up
    /// by a lease, or by a reason that is written down.
    ///
    /// # Errors
    /// [`ReplayError`], the first.
    pub fn check(&self) -> Result<(), ReplayError> {
        self.book.check()?;
        let computed = self.book.root();
        if computed != self.root {
            return Err(ReplayError::RootDiffers { computed, recorded: self.root });
        }
        self.replay().map(|_| ())
    }

    /// Bids that are not used up, the best first.
    pub(crate) fn remaining(&self) -> Vec<Candidate> {
        self.replay().unwrap_or_default()
    }

    /// The award that is the last word on a bid, and may not have led to a lease yet.
    pub(crate) fn last_award(&self) -> Option<(u32, Address)> {
        match self.steps.last()? {
            Step::Awarded { lease, node } => Some((*lease, *node)),
            Step::PassedOver { .. } | Step::Failed { .. } | Step::Lapsed { .. } => None,
        }
    }

    /// Whether a lease came of it, as far as is known.
    pub(crate) fn was_of_use(&self) -> bool {
        let awards = self.steps.iter().filter(|step| matches!(step, Step::Awarded { .. })).count();
        let undone = self.steps.iter().filter(|step| matches!(step, Step::Failed { .. } | Step::Lapsed { .. })).count();
        awards > undone
    }

    fn replay(&self) -> Result<Vec<Candidate>, ReplayError> {
        let mut left = self.book.ranked();
        let mut awarded: Vec<(u32, Candidate)> = Vec::new();
        for step in &self.steps {
            let node = step.node();
            match step {
                Step::Awarded { lease, .. } => {
                    let best = left.first().ok_or(ReplayError::NoBid { node })?;
                    if best.node != node {
                        return Err(ReplayError::OutOfTurn { lease: *lease, node, best: best.node });
                    }
                    awarded.push((*lease, left.remove(0)));
                }
                Step::PassedOver { .. } => {
                    let best = left.first().ok_or(ReplayError::NoBid { node })?;
                    if best.node != node {
                        return Err(ReplayError::PassedOutOfTurn { node });
                    }
                    left.remove(0);
                }
                Step::Failed { lease, .. } | Step::Lapsed { lease, .. } => {
                    let at = awarded.iter().rposition(|(number, bid)| (*number, bid.node) == (*lease, node));
                    let at = at.ok_or(ReplayError::NotAwarded { lease: *lease, node })?;
                    let (_, bid) = awarded.remove(at);
                    if matches!(step, Step::Lapsed { .. }) {
                        let place = left.partition_point(|other| other.rank() < bid.rank());
                        left.insert(place, bid);
                    }
                }
            }
        }
        Ok(left)
    }
}
