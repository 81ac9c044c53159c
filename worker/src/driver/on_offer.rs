use std::sync::Arc;

use millrace_agent::Event;
use millrace_agent::policy::{self, Offer};
use millrace_client::accounts::JobAccount;
use millrace_client::cosign::{self, OfferedLease};
use millrace_client::keys;
use millrace_link::grpc;
use millrace_link::grpc::worker_message::Body;
use millrace_protocol::{Address, Diagnostic};
use millrace_spec::JobSpec;
use thiserror::Error;

use super::Driver;
use crate::chain::Chain;
use crate::messages::Proposed;
use crate::{Error, disk, messages};

/// Why an offer is not what it says.
#[derive(Debug, Error)]
pub(super) enum OfferError {
    #[error(transparent)]
    Transaction(#[from] cosign::CosignError),
    #[error(transparent)]
    Spec(#[from] millrace_spec::Error),
    #[error(transparent)]
    Chain(#[from] millrace_client::Error),
    #[error("the offer names another lease or job than its transaction")]
    NamesOther,
    #[error("the offer's job spec is not the one on chain")]
    SpecDiffers,
}

impl Diagnostic for OfferError {
    fn code(&self) -> &'static str {
        match self {
            Self::Transaction(source) => source.code(),
            Self::Spec(source) => source.code(),
            Self::Chain(source) => source.code(),
            Self::NamesOther => "offer-names-other",
            Self::SpecDiffers => "offer-spec-differs",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Transaction(source) => source.hint(),
            Self::Spec(source) => source.hint(),
            Self::Chain(source) => source.hint(),
            Self::NamesOther | Self::SpecDiffers => "this is a defect of the orchestrator: report it".to_owned(),
        }
    }
}

/// What an offer is about.
struct Genuine {
    lease: OfferedLease,
    job: JobAccount,
    spec: JobSpec,
    /// The network's.
    scheduler: Address,
}

/// An offer that is what it says, or why not.
pub(super) struct Vetted {
    proposed: Proposed,
    result: Result<Genuine, OfferError>,
    /// MiB that the disk had for further leases.
    free_disk_mib: u64,
}

impl Driver {
    /// Reads the chain and looks at the disk beside the loop, then comes back to it.
    pub(super) fn on_offer(&self, offer: grpc::Offer) {
        let (chain, node, key) = (self.chain.clone(), self.context.node, keys::address_of(&self.node_key));
        let free = disk::for_leases(self.context.folders.clone(), disk::promises(&self.agent));
        let answers = self.vetted.0.clone();
        tokio::spawn(async move {
            let (result, free_disk_mib) = tokio::join!(vet(chain, node, key, &offer), free);
            let proposed = Proposed { lease: offer.lease, transaction: offer.transaction };
            let _ = answers.send(Vetted { proposed, result, free_disk_mib });
        });
    }

    /// Decides, remembers, signs: in this order.
    pub(super) async fn on_vetted(&mut self, vetted: Vetted) -> Result<(), Error> {
        let Genuine { lease: offered, job: account, spec, scheduler } = match vetted.result {
            Ok(genuine) => genuine,
            Err(error) => {
                self.refuse(vetted.proposed, &error);
                return Ok(());
            }
        };
        let requirements = account.job.terms.requirements;
        let offer = Offer {
            lease: offered.lease,
            job: offered.job,
            spec: spec.hash(),
            attestor: account.attestor.unwrap_or(scheduler),
            scheduler,
            spot: account.job.terms.spot,
            price: offered.offer.price,
            auctioned: offered.offer.negotiated,
            units: requirements.units,
            maximum: offered.offer.maximum,
            cpu_millis: spec.limits.cpu_milli,
            memory_mib: spec.limits.memory_mib,
            disk_mib: spec.promised_disk_mib(),
            network: spec.network,
            runtime: spec.runtime,
            accept_simulated: requirements.accept_simulated,
        };
        let terms = match policy::check(&self.rig, &self.agent, &offer, vetted.free_disk_mib, self.clock.now()) {
            Ok(terms) => terms,
            Err(refusal) => {
                self.refuse(vetted.proposed, &refusal);
                return Ok(());
            }
        };
        match cosign::cosign(&vetted.proposed.transaction, self.context.node, &self.node_key) {
            Ok(signed) => {
                self.feed(Event::OfferAccepted { lease: offered.lease, terms }).await?;
                tracing::info!(lease = %offered.lease, job = %offered.job, price = %offered.offer.price, "lease accepted");
                self.noted.totals.offers_accepted += 1;
                self.send(messages::signature(Body::OfferReply, vetted.proposed, &signed.signature));
            }
            Err(error) => self.refuse(vetted.proposed, &error),
        }
        Ok(())
    }

    fn refuse(&mut self, proposed: Proposed, problem: &dyn Diagnostic) {
        tracing::info!(code = problem.code(), cause = %problem, "offer refused");
        self.noted.totals.offers_refused += 1;
        self.send(messages::refusal(Body::OfferReply, proposed, problem));
    }
}

async fn vet(chain: Arc<dyn Chain>, node: Address, key: Address, offer: &grpc::Offer) -> Result<Genuine, OfferError> {
    let lease = cosign::inspect(&offer.transaction, node, key)?;
    if lease.lease.0[..] != offer.lease[..] || lease.job.0[..] != offer.job[..] {
        return Err(OfferError::NamesOther);
    }
    let spec = JobSpec::from_canonical(&offer.spec)?;
    let job = chain.job(lease.job).await?;
    if job.spec_hash != spec.hash().0 {
        return Err(OfferError::SpecDiffers);
    }
    Ok(Genuine { lease, job, spec, scheduler: chain.scheduler().await? })
}
