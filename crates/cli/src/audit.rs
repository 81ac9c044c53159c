//! Whether a job's auctions were held as they are told: every bid is signed by who is said to have made it, each
//! award follows from the bids, the leases on chain are those that were awarded, and what is told of the bidders does not
//! contradict the chain. The orchestrator is believed in nothing but links, images and failures before, which are under
//! the same root.

mod facts;

use std::collections::BTreeMap;

use millrace_client::address as addresses;
use millrace_link::auth;
use millrace_protocol::{Address, BasisPoints, Diagnostic, PricePerGpuHour, UnixSeconds};
use millrace_scheduler::{Auction, Book, ReplayError, Step};
use millrace_spec::{Sha256, SignedBid};
use serde::Serialize;
use thiserror::Error;

pub use facts::Bidder;

/// Seconds by which what the orchestrator had heard of the chain may be behind it, and the chain's clock behind time.
pub const TOLERANCE: u64 = 300;

/// A lease as the chain has recorded its opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub lease: Address,
    pub number: u32,
    pub node: Address,
    pub price: PricePerGpuHour,
    pub units: u16,
    pub bid_book_root: [u8; 32],
    pub at: UnixSeconds,
}

/// What of a job's account does not change while it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub opened_slot: u64,
    pub maximum_price: PricePerGpuHour,
}

/// What the chain says now.
#[derive(Clone, Debug)]
pub struct Chain {
    pub program: Address,
    pub job: Address,
    /// None once the job is closed.
    pub terms: Option<Terms>,
    /// All leases that were ever opened for the job.
    pub opened: Vec<Opened>,
    /// Of the nodes that have bid, those that are still there.
    pub bidders: BTreeMap<Address, Bidder>,
}

/// What one may still want to know of auctions that are as they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// The node's key on chain is another one than the bid's: it was replaced since, or was never this one.
    OtherKey { auction: u32, node: Address },
    /// Leases of the node's provider were settled after the auction, or just before: all that can be said is that its
    /// reputation was at least this.
    ReputationMoved { auction: u32, node: Address, recorded: BasisPoints, least: BasisPoints },
    /// A rig of the size that the node has on chain now could not be left with as many idle GPUs: it was changed since, or
    /// the book is wrong.
    OtherSize { auction: u32, node: Address, idle_gpus: u16, units: u16 },
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
    #[error("the {what} of the job in auction {auction} is another one than on chain")]
    JobDiffers { auction: u32, what: &'static str },
    #[error(
        "auction {auction} counts {node} with a reputation of {}, and by the chain it was from {} to {} (of 10000)",
        recorded.0, least.0, most.0
    )]
    ReputationDiffers { auction: u32, node: Address, recorded: BasisPoints, least: BasisPoints, most: BasisPoints },
    #[error("lease {lease} was opened at {} (Unix seconds), when the bids of auction {auction} were not good", at.0)]
    LeaseOutOfTime { auction: u32, lease: u32, at: UnixSeconds },
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
            Self::JobDiffers { .. } => "auction-job-differs",
            Self::ReputationDiffers { .. } => "auction-reputation-differs",
            Self::LeaseOutOfTime { .. } => "auction-out-of-time",
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

/// Looks at all auctions of a job.
///
/// # Errors
/// [`Error`], the first.
pub fn check(chain: &Chain, auctions: &[Auction], own: &[SignedBid]) -> Result<Vec<Note>, Error> {
    let mut notes = Vec::new();
    for auction in auctions {
        check_job(chain, &auction.book)?;
        let (book, number) = (&auction.book, auction.book.auction);
        auction.check().map_err(|source| Error::Undecided { auction: number, source })?;
        for entered in &book.bids {
            let signed = book.signed(entered);
            if auth::verify(entered.key, &signed.bid.message(), &signed.signature.0).is_err() {
                return Err(Error::BidForged { auction: number, node: entered.node });
            }
            let bidder = chain.bidders.get(&entered.node);
            if bidder.map(|bidder| bidder.key) != Some(entered.key) {
                notes.push(Note::OtherKey { auction: number, node: entered.node });
            }
            if let Some(bidder) = bidder {
                notes.extend(facts::reputation(book, entered, bidder)?);
                notes.extend(facts::size(chain, auction, entered, bidder));
            }
        }
    }
    for lease in chain.opened.iter().filter(|lease| lease.bid_book_root != [0; 32]) {
        check_lease(chain.job, auctions, lease)?;
    }
    for bid in own {
        notes.push(check_own(auctions, &chain.bidders, bid)?);
    }
    Ok(notes)
}

fn check_job(chain: &Chain, book: &Book) -> Result<(), Error> {
    let auction = book.auction;
    if (book.program, book.job) != (chain.program, chain.job) {
        return Err(Error::Foreign { auction });
    }
    let Some(terms) = chain.terms else { return Ok(()) };
    if book.opened_slot != terms.opened_slot {
        return Err(Error::JobDiffers { auction, what: "opening slot" });
    }
    if book.maximum_price != terms.maximum_price {
        return Err(Error::JobDiffers { auction, what: "maximum price" });
    }
    Ok(())
}

fn check_lease(job: Address, auctions: &[Auction], opened: &Opened) -> Result<(), Error> {
    let (lease, root) = (opened.number, Sha256(opened.bid_book_root));
    let auction = auctions.iter().find(|auction| auction.root == root).ok_or(Error::NotShown { lease, root })?;
    let (book, number) = (&auction.book, auction.book.auction);
    // The slot is in the lease's address: that is there when the job's account is not any more.
    if addresses::lease(job, book.opened_slot, lease) != opened.lease {
        return Err(Error::JobDiffers { auction: number, what: "opening slot" });
    }
    let awarded = auction.steps.contains(&Step::Awarded { lease, node: opened.node });
    let at_its_bid = book.bid_of(opened.node).is_some_and(|entered| entered.price == opened.price);
    if !(awarded && at_its_bid) {
        let (node, price) = (opened.node, opened.price);
        return Err(Error::LeaseDiffers { auction: number, lease, node, price });
    }
    let good = book.closed_at.0.saturating_sub(TOLERANCE)..=book.valid_until.0.saturating_add(TOLERANCE);
    if !good.contains(&opened.at.0) {
        return Err(Error::LeaseOutOfTime { auction: number, lease, at: opened.at });
    }
    Ok(())
}

fn check_own(auctions: &[Auction], bidders: &BTreeMap<Address, Bidder>, own: &SignedBid) -> Result<Note, Error> {
    let bid = &own.bid;
    let number = bid.auction;
    let key = bidders.get(&bid.node).map(|bidder| bidder.key);
    if key.is_none_or(|key| auth::verify(key, &bid.message(), &own.signature.0).is_err()) {
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
#[cfg(test)]
mod vectors;
