use millrace_agent::Event;
use millrace_agent::policy::{self, Offer};
use millrace_client::Signer;
use millrace_client::address::program;
use millrace_link::grpc::{BidInvitation, BidRefusal, LeaseWanted};
use millrace_protocol::{Address, Diagnostic, GpuUnits, PricePerGpuHour, Seconds, UnixSeconds};
use millrace_spec::{Bid, BidSignature, Sha256, SignedBid};

use super::Driver;
use crate::messages::{self, address};
use crate::{Error, disk};

/// An invitation, and what was looked up for it.
pub(super) struct Invited {
    invitation: BidInvitation,
    /// MiB that the disk had for further leases.
    free_disk_mib: u64,
}

impl Driver {
    /// Looks at the disk beside the loop, then comes back to it.
    pub(super) fn on_invitation(&self, invitation: BidInvitation) {
        let free = disk::for_leases(self.context.folders.clone(), disk::promises(&self.agent));
        let answers = self.invited.0.clone();
        tokio::spawn(async move {
            let _ = answers.send(Invited { invitation, free_disk_mib: free.await });
        });
    }

    /// Decides, remembers, bids: in this order. The invitation is taken at its word: an offer at the bid is checked
    /// against the chain like any other, and binds the rig, not this.
    pub(super) async fn on_invited(&mut self, invited: Invited) -> Result<(), Error> {
        let Invited { invitation, free_disk_mib } = invited;
        let job = match address(&invitation.job, "job") {
            Ok(job) => job,
            Err(error) => {
                tracing::warn!(%error, "an invitation of the orchestrator is ignored");
                return Ok(());
            }
        };
        let auction = invitation.auction;
        let wanted = invitation.wanted.unwrap_or_default();
        let price = match self.price_of(job, wanted, UnixSeconds(invitation.valid_until), free_disk_mib) {
            Ok(price) => price,
            Err(problem) => {
                tracing::info!(%job, auction, code = problem.code(), cause = %problem, "no bid");
                self.send(messages::no_bid(job, auction, &problem));
                return Ok(());
            }
        };
        let bid = Bid {
            program: program(),
            job,
            opened_slot: invitation.opened_slot,
            auction,
            node: self.context.node,
            price,
            valid_until: UnixSeconds(invitation.valid_until),
        };
        let signature = BidSignature(self.node_key.sign_message(&bid.message()).into());
        let signed = SignedBid { bid, signature };
        self.feed(Event::BidSigned(signed)).await?;
        tracing::info!(%job, auction, %price, "bid for a lease");
        self.send(messages::bid(&signed));
        Ok(())
    }

    fn price_of(
        &self,
        job: Address,
        wanted: LeaseWanted,
        until: UnixSeconds,
        free_disk_mib: u64,
    ) -> Result<PricePerGpuHour, policy::Refusal> {
        let maximum = PricePerGpuHour(wanted.maximum_price);
        let like_it = Offer {
            lease: Address::default(),
            job,
            spec: Sha256::default(),
            attestor: Address::default(),
            scheduler: Address::default(),
            spot: false,
            price: maximum,
            auctioned: true,
            // More than any rig has, where it is more than a rig can have.
            units: GpuUnits(u16::try_from(wanted.units).unwrap_or(u16::MAX)),
            maximum: Seconds(wanted.maximum_seconds),
            cpu_millis: wanted.cpu_milli,
            memory_mib: wanted.memory_mib,
            disk_mib: u64::from(wanted.disk_mib),
            network: wanted.network,
            // Rigs without it are not invited, and the offer is checked.
            runtime: None,
            accept_simulated: wanted.accept_simulated,
        };
        policy::bid(&self.rig, &self.agent, &like_it, (maximum, until), free_disk_mib, self.clock.now())
    }

    /// For the rig's owner: the bid came to nothing, and why.
    pub(super) fn bid_refused(refusal: BidRefusal) {
        let reason = refusal.reason.unwrap_or_default();
        tracing::warn!(auction = refusal.auction, code = reason.code, cause = reason.cause, "a bid does not count");
    }
}
