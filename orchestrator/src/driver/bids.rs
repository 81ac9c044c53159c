use millrace_link::auth;
use millrace_link::grpc;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_protocol::Address;
use millrace_scheduler::{BidRefused, Event, Invitation};
use millrace_spec::{Bid, SignedBid};

use super::Driver;

/// A bid as its worker sent it; whose it is follows from the stream.
#[derive(Debug)]
pub(crate) enum Told {
    Bid(Box<SignedBid>),
    Declined { code: String },
}

impl Driver {
    /// Sent, or not: whoever is not there does not bid.
    pub(super) fn invite_bids(&mut self, nodes: Vec<Address>, invitation: Invitation) {
        let Invitation { job, opened_slot, auction, valid_until } = invitation;
        // Without its spec nobody can say what it is worth; the auction ends without a bid.
        let Some((spec, view)) = self.specs.get(&job).zip(self.core.job(job).map(|entry| entry.view)) else { return };
        let (limits, terms) = (spec.spec.limits, view.job.terms);
        let wanted = grpc::LeaseWanted {
            maximum_price: terms.maximum_price.0,
            units: u32::from(terms.requirements.units.0),
            maximum_seconds: terms.lease_seconds.0,
            cpu_milli: limits.cpu_milli,
            memory_mib: limits.memory_mib,
            disk_mib: u32::try_from(spec.spec.promised_disk_mib()).unwrap_or(u32::MAX),
            network: spec.spec.network,
            accept_simulated: terms.requirements.accept_simulated,
        };
        let (job, wanted, valid_until) = (job.0.to_vec(), Some(wanted), valid_until.0);
        let body = Body::BidInvitation(grpc::BidInvitation { job, opened_slot, auction, valid_until, wanted });
        tracing::info!(job = %invitation.job, auction, nodes = nodes.len(), "nodes are invited to bid");
        for node in nodes {
            self.tell(node, body.clone());
        }
    }

    pub(super) fn refuse_bid(&mut self, node: Address, (job, auction): (Address, u32), reason: BidRefused) {
        tracing::info!(%job, auction, %node, code = reason.code(), cause = %reason, "a bid does not count");
        let reason = grpc::Refusal { code: reason.code().to_owned(), cause: reason.to_string() };
        self.tell(node, Body::BidRefusal(grpc::BidRefusal { job: job.0.to_vec(), auction, reason: Some(reason) }));
    }

    /// What the node says to an invitation, for the scheduler; nothing where its key has not signed it.
    pub(super) fn hear_bid(&mut self, node: Address, (job, auction): (Address, u32), told: Told) -> Option<Event> {
        match told {
            Told::Declined { code } => {
                tracing::debug!(%job, auction, %node, code, "a node does not bid");
                Some(Event::BidDeclined { node, job, auction })
            }
            Told::Bid(signed) => {
                let bid = Bid { program: self.core.settings().program, job, auction, node, ..signed.bid };
                let signed = SignedBid { bid, ..*signed };
                let key = self.book.node(node).map(|node| node.node_key);
                let genuine = key.filter(|key| auth::verify(*key, &bid.message(), &signed.signature.0).is_ok());
                match genuine {
                    Some(key) => Some(Event::BidMade { signed, key }),
                    None => {
                        self.refuse_bid(node, (job, auction), BidRefused::Forged);
                        None
                    }
                }
            }
        }
    }
}
