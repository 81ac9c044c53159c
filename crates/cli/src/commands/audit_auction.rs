use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use millrace_client::Client;
use millrace_client::accounts::{JobAccount, NodeAccount, ProviderAccount};
use millrace_client::address as addresses;
use millrace_client::history::JobEvent;
use millrace_protocol::{Address, Diagnostic, Reputation};
use millrace_scheduler::Auction;
use millrace_spec::SignedBid;
use millrace_worker::status::OwnBid;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::args::AuctionOf;
use crate::audit::{self, Bidder, Chain, Note, Opened, Terms};
use crate::context::Context;
use crate::errors::Failure;
use crate::market::Market;
use crate::output::{self, Report, Style};
use crate::views;

/// Why a bid cannot be looked for.
#[derive(Debug, Error)]
pub enum Error {
    #[error("`{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("`{}` holds no bid", path.display())]
    NotABid { path: PathBuf, source: serde_json::Error },
    #[error("`{}` holds no bid for a lease of this job", path.display())]
    OtherJob { path: PathBuf },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "bid-unreadable",
            Self::NotABid { .. } => "bid-malformed",
            Self::OtherJob { .. } => "bid-of-another-job",
        }
    }

    fn hint(&self) -> String {
        "on the rig that has bid, `millrace --json worker bids` writes its bids".to_owned()
    }
}

/// As a worker writes them, all or one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bids {
    All(Vec<OwnBid>),
    Own(OwnBid),
    Signed(SignedBid),
}

#[derive(Serialize)]
struct Audited {
    job: Address,
    auctions: Vec<Auction>,
    notes: Vec<Note>,
}

impl Report for Audited {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        views::auction::text(&self.auctions, &self.notes, style)
    }

    fn next(&self) -> Vec<String> {
        vec![format!("millrace job show {}", self.job)]
    }
}

/// Shows a job's auctions, once everything that is told of them is found right.
///
/// # Errors
/// Whatever does not fit; an orchestrator or a chain that cannot be reached, a bid that cannot be read.
pub async fn run(context: &Context<'_>, args: AuctionOf) -> Result<(), Failure> {
    let own = args.bid.as_deref().map_or(Ok(Vec::new()), |path| read_bids(path, args.job))?;
    // They are for everybody: no wallet is needed.
    let auctions = Market::new(&context.settings.orchestrator_url.value, None).auctions(args.job).await?;
    let client = context.client();
    let history = client.job_history(args.job).await?.from_opening()?;
    let opened: Vec<Opened> = history.entries.iter().filter_map(|entry| opened(&entry.event)).collect();
    let bidding = auctions.iter().flat_map(|auction| auction.book.bids.iter().map(|entered| entered.node));
    let nodes: BTreeSet<Address> = bidding.chain(own.iter().map(|own| own.bid.node)).collect();
    let nodes: Vec<Address> = nodes.into_iter().collect();
    let bidders = bidders(&client, &nodes).await?;
    let job: Option<JobAccount> = client.find(args.job).await?;
    let terms = job.map(|found| Terms { opened_slot: found.opened_slot, maximum_price: found.job.terms.maximum_price });
    let chain = Chain { program: addresses::program(), job: args.job, terms, opened, bidders };
    let notes = audit::check(&chain, &auctions, &own)?;
    context.output.report(&Audited { job: args.job, auctions, notes });
    Ok(())
}

/// Those nodes that are still there, with what their providers' leases have made of their reputations.
async fn bidders(client: &Client, nodes: &[Address]) -> Result<BTreeMap<Address, Bidder>, Failure> {
    let nodes: Vec<NodeAccount> = client.find_many(nodes).await?.into_iter().flatten().collect();
    let providers: BTreeSet<Address> = nodes.iter().map(|node| node.provider).collect();
    let providers: Vec<Address> = providers.into_iter().collect();
    let found = client.find_many::<ProviderAccount>(&providers).await?.into_iter().flatten();
    let reputations: BTreeMap<Address, Reputation> =
        found.map(|found| (found.address, found.provider.reputation)).collect();
    let bidder = |node: NodeAccount| {
        let reputation = reputations.get(&node.provider).copied();
        (node.address, Bidder { key: node.node_key, units: node.node.hardware.units().0, reputation })
    };
    Ok(nodes.into_iter().map(bidder).collect())
}

fn opened(event: &JobEvent) -> Option<Opened> {
    match event {
        JobEvent::LeaseOpened { lease, number, node, price, units, bid_book_root, at, .. } => Some(Opened {
            lease: *lease,
            number: *number,
            node: *node,
            price: *price,
            units: units.0,
            bid_book_root: *bid_book_root,
            at: *at,
        }),
        _ => None,
    }
}

fn read_bids(path: &Path, job: Address) -> Result<Vec<SignedBid>, Error> {
    let path = path.to_owned();
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(source) => return Err(Error::Unreadable { path, source }),
    };
    let bids = match serde_json::from_slice(&text) {
        Ok(Bids::All(all)) => all.into_iter().map(|own| own.signed).collect(),
        Ok(Bids::Own(own)) => vec![own.signed],
        Ok(Bids::Signed(signed)) => vec![signed],
        Err(source) => return Err(Error::NotABid { path, source }),
    };
    let of_job: Vec<SignedBid> = bids.into_iter().filter(|signed| signed.bid.job == job).collect();
    if of_job.is_empty() { Err(Error::OtherJob { path }) } else { Ok(of_job) }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::{PricePerGpuHour, UnixSeconds};
    use millrace_spec::{Bid, BidSignature};

    use super::*;

    fn own(job: u8) -> OwnBid {
        let bid = Bid {
            program: Address([1; 32]),
            job: Address([job; 32]),
            opened_slot: 2,
            auction: 3,
            node: Address([4; 32]),
            price: PricePerGpuHour(5),
            valid_until: UnixSeconds(6),
        };
        let signed = SignedBid { bid, signature: BidSignature([7; 64]) };
        OwnBid { signed, made_at: UnixSeconds(8), lease: None }
    }

    #[test]
    fn bids_are_read_one_by_one_or_as_a_worker_lists_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bids.json");
        let job = Address([1; 32]);
        for text in [
            serde_json::to_string(&[own(1), own(2)]).unwrap(),
            serde_json::to_string(&own(1)).unwrap(),
            serde_json::to_string(&own(1).signed).unwrap(),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_bids(&path, job).unwrap(), [own(1).signed]);
        }
        assert_eq!(read_bids(&path, Address([9; 32])).unwrap_err().code(), "bid-of-another-job");
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read_bids(&path, job).unwrap_err().code(), "bid-malformed");
        assert_eq!(read_bids(folder.path(), job).unwrap_err().code(), "bid-unreadable");
    }
}
