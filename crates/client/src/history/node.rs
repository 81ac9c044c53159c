//! What happened to a node's leases, over all jobs.

use std::collections::BTreeSet;
use std::ops::Range;

use futures_util::{StreamExt, TryStreamExt, stream};
use millrace_protocol::{Address, UnixSeconds};
use solana_signature::Signature;

use super::{AT_ONCE, JobEvent};
use crate::{Client, Error};

/// Transactions that are read before it looks whether that is far enough back.
const CHUNK: usize = 64;

/// One event of a lease on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    pub signature: Signature,
    pub job: Address,
    pub event: JobEvent,
}

/// Events of a node's leases, oldest first: all in a range of time, and before it what it takes to tell how much
/// each lease had been metered when the range began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeHistory {
    pub node: Address,
    /// Chain time; the end is not in it.
    pub range: Range<UnixSeconds>,
    pub entries: Vec<NodeEntry>,
}

impl Client {
    /// Reads a node's history in a range of the chain's time; also of a node that was removed. Reaches as far
    /// back as the endpoint keeps transactions; empty for a node it knows nothing of.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Rejected`], [`Error::TransactionIncomplete`].
    pub async fn node_history(&self, node: Address, range: Range<UnixSeconds>) -> Result<NodeHistory, Error> {
        let mut signatures = self.signatures_of(node).await?;
        let mut entries = Vec::new();
        let mut reach = Reach::default();
        while !signatures.is_empty() && !reach.is_enough(range.start) {
            let older = signatures.len().saturating_sub(CHUNK);
            let newest_first = signatures.split_off(older).into_iter().rev();
            let read = stream::iter(newest_first).map(|signature| self.node_entries(signature, node));
            for found in read.buffered(AT_ONCE).try_collect::<Vec<_>>().await? {
                found.iter().rev().for_each(|entry| reach.note(&entry.event, &range));
                entries.extend(found.into_iter().rev());
            }
        }
        entries.reverse();
        Ok(NodeHistory { node, range, entries })
    }

    async fn node_entries(&self, signature: Signature, node: Address) -> Result<Vec<NodeEntry>, Error> {
        let (_, events) = self.events_in(signature).await?;
        let of_node = events.into_iter().filter(|(_, event)| event.node() == Some(node));
        Ok(of_node.map(|(job, event)| NodeEntry { signature, job, event }).collect())
    }
}

/// How far back has been read, the newest first.
#[derive(Default)]
struct Reach {
    oldest: Option<UnixSeconds>,
    /// Leases that were metered in the range, and not yet seen before it.
    unknown: BTreeSet<Address>,
}

impl Reach {
    fn note(&mut self, event: &JobEvent, range: &Range<UnixSeconds>) {
        let (lease, at, knows_all) = match event {
            JobEvent::LeaseOpened { lease, at, .. } => (lease, at, true),
            JobEvent::Settled { lease, at, .. } | JobEvent::LeaseSettled { lease, at, .. } => {
                (lease, at, *at < range.start)
            }
            _ => return,
        };
        self.oldest = Some(self.oldest.map_or(*at, |oldest| oldest.min(*at)));
        if knows_all {
            self.unknown.remove(lease);
        } else {
            self.unknown.insert(*lease);
        }
    }

    fn is_enough(&self, start: UnixSeconds) -> bool {
        self.unknown.is_empty() && self.oldest.is_some_and(|oldest| oldest < start)
    }
}
