//! Whether a job's auctions were held as they are told: every bid is signed by who is said to have made it, each
//! award follows from the bids, and the leases on chain are those that were awarded. The orchestrator is believed in
//! nothing but what it knew of the bidders (their reputation, links and images), which is under the same root.

use std::collections::BTreeMap;

use millrace_link::auth;
use millrace_protocol::{Address, Diagnostic, PricePerGpuHour};
use millrace_scheduler::{Auction, ReplayError, Step};
use millrace_spec::{Sha256, SignedBid};
use serde::Serialize;
use thiserror::Error;

/// A lease as the chain has recorded its opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub number: u32,
    pub node: Address,
    pub price: PricePerGpuHour,
    pub bid_book_root: [u8; 32],
}

/// What one may still want to know of auctions that are as they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// The node's key on chain is another one than the bid's: it was replaced since, or was never this one.
    OtherKey { auction: u32, node: Address },
    /// The bid is for an auction of which there is no book: nothing was decided in it.
    NoBook { auction: u32 },
    /// The bid is in its book.
    InBook { auction: u32 },
}

/// What is wrong with an auction.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Error {
    #[error("auction {auction} is another job's, or another program's")]
    Foreign { auction: u32 },
    #[error("auction {auction}: {source}")]
    Undecided { auction: u32, source: ReplayError },
    #[error("the bid of {node} in auction {auction} is not signed by its key")]
    BidForged { auction: u32, node: Address },
    #[error("lease {lease} went to {node} at {price} on chain, which auction {auction} has not awarded")]
    LeaseDiffers { auction: u32, lease: u32, node: Address, price: PricePerGpuHour },
    #[error("lease {lease} was opened on the bids with the root {root}, which are not shown")]
    NotShown { lease: u32, root: Sha256 },
    #[error("your bid of {price} in auction {auction} is not among its bids")]
    LeftOut { auction: u32, price: PricePerGpuHour },
    #[error("your bid in auction {auction} is not signed by the key of {node}, so it proves nothing")]
    OwnForged { auction: u32, node: Address },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => "auction-foreign",
            Self::Undecided { source: ReplayError::Book(_), .. } => "auction-book-malformed",
            Self::Undecided { source: ReplayError::RootDiffers { .. }, .. } => "auction-root-differs",
            Self::Undecided { .. } => "auction-out-of-turn",
            Self::BidForged { .. } => "auction-bid-forged",
            Self::LeaseDiffers { .. } => "auction-lease-differs",
            Self::NotShown { .. } => "auction-not-shown",
            Self::LeftOut { .. } => "bid-left-out",
            Self::OwnForged { .. } => "bid-not-yours",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::LeftOut { .. } => {
                "a bid that came after the auction's end does not count, and the worker's log says so; otherwise keep \
                 this answer and your bid, and report the orchestrator to the network's operator"
            }
            Self::OwnForged { .. } => "name the file that `millrace worker bids --json` has written on the bidding rig",
            _ => "keep the answer of `--json`, and report the orchestrator to the network's operator",
        }
        .to_owned()
    }
}

/// Looks at all auctions of a job. `keys` are those of nodes on chain, as far as they are there.
///
/// # Errors
/// [`Error`], the first.
pub fn check(
    (program, job): (Address, Address),
    auctions: &[Auction],
    opened: &[Opened],
    keys: &BTreeMap<Address, Address>,
    own: &[SignedBid],
) -> Result<Vec<Note>, Error> {
    let mut notes = Vec::new();
    for auction in auctions {
        let (book, number) = (&auction.book, auction.book.auction);
        if (book.program, book.job) != (program, job) {
            return Err(Error::Foreign { auction: number });
        }
        auction.check().map_err(|source| Error::Undecided { auction: number, source })?;
        for entered in &book.bids {
            let signed = book.signed(entered);
            if auth::verify(entered.key, &signed.bid.message(), &signed.signature.0).is_err() {
                return Err(Error::BidForged { auction: number, node: entered.node });
            }
            if keys.get(&entered.node) != Some(&entered.key) {
                notes.push(Note::OtherKey { auction: number, node: entered.node });
            }
        }
    }
    for lease in opened.iter().filter(|lease| lease.bid_book_root != [0; 32]) {
        check_lease(auctions, lease)?;
    }
    for bid in own {
        notes.push(check_own(auctions, keys, bid)?);
    }
    Ok(notes)
}

fn check_lease(auctions: &[Auction], opened: &Opened) -> Result<(), Error> {
    let (lease, root) = (opened.number, Sha256(opened.bid_book_root));
    let auction = auctions.iter().find(|auction| auction.root == root).ok_or(Error::NotShown { lease, root })?;
    let awarded = auction.steps.contains(&Step::Awarded { lease, node: opened.node });
    let at_its_bid = auction.book.bid_of(opened.node).is_some_and(|entered| entered.price == opened.price);
    if awarded && at_its_bid {
        return Ok(());
    }
    let (node, price) = (opened.node, opened.price);
    Err(Error::LeaseDiffers { auction: auction.book.auction, lease, node, price })
}

fn check_own(auctions: &[Auction], keys: &BTreeMap<Address, Address>, own: &SignedBid) -> Result<Note, Error> {
    let bid = &own.bid;
    let number = bid.auction;
    let key = keys.get(&bid.node);
    if key.is_none_or(|key| auth::verify(*key, &bid.message(), &own.signature.0).is_err()) {
        return Err(Error::OwnForged { auction: number, node: bid.node });
    }
    let of_bid = |auction: &&Auction| {
        let book = &auction.book;
        (book.opened_slot, book.auction, book.valid_until) == (bid.opened_slot, number, bid.valid_until)
    };
    let Some(auction) = auctions.iter().find(of_bid) else { return Ok(Note::NoBook { auction: number }) };
    let entered = auction.book.bid_of(bid.node);
    if entered.is_some_and(|entered| auction.book.signed(entered) == *own) {
        return Ok(Note::InBook { auction: number });
    }
    Err(Error::LeftOut { auction: number, price: bid.price })
}

#[cfg(test)]
mod tests;
