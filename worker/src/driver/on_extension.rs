use std::sync::Arc;

use millrace_agent::Event;
use millrace_agent::policy::{self, Extension};
use millrace_client::accounts::{JobAccount, LeaseAccount};
use millrace_client::cosign::CosignError;
use millrace_client::cosign::extension::{self, ProposedExtension};
use millrace_client::keys;
use millrace_link::grpc;
use millrace_link::grpc::worker_message::Body;
use millrace_protocol::{Address, Diagnostic, UnixSeconds};
use thiserror::Error;

use super::Driver;
use crate::chain::Chain;
use crate::messages::Proposed;
use crate::{Error, messages};

/// Why what is proposed is not what it says.
#[derive(Debug, Error)]
pub(super) enum ExtensionError {
    #[error(transparent)]
    Transaction(#[from] CosignError),
    #[error(transparent)]
    Chain(#[from] millrace_client::Error),
    #[error("the proposal names another lease than its transaction, or another than the chain has for this node")]
    NamesOther,
}

impl Diagnostic for ExtensionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Transaction(source) => source.code(),
            Self::Chain(source) => source.code(),
            Self::NamesOther => "extension-names-other",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Transaction(source) => source.hint(),
            Self::Chain(source) => source.hint(),
            Self::NamesOther => "this is a defect of the orchestrator: report it".to_owned(),
        }
    }
}

/// What is proposed, beside what the chain has of it.
struct Genuine {
    proposed: ProposedExtension,
    lease: LeaseAccount,
    job: JobAccount,
    clock: UnixSeconds,
}

/// More time for a lease that is what it says, or why not.
pub(super) struct VettedExtension {
    answered: Proposed,
    result: Result<Genuine, ExtensionError>,
}

impl Driver {
    /// Reads the chain beside the loop, then comes back to it.
    pub(super) fn on_extension(&self, extension: grpc::Extension) {
        let (chain, node, key) = (self.chain.clone(), self.context.node, keys::address_of(&self.node_key));
        let answers = self.vetted_extensions.0.clone();
        tokio::spawn(async move {
            let result = vet(chain, node, key, &extension).await;
            let grpc::Extension { lease, transaction } = extension;
            let _ = answers.send(VettedExtension { answered: Proposed { lease, transaction }, result });
        });
    }

    /// Decides, then signs, once it is on the disk that it does.
    pub(super) async fn on_vetted_extension(&mut self, vetted: VettedExtension) -> Result<(), Error> {
        let Genuine { proposed, lease, job, clock } = match vetted.result {
            Ok(genuine) => genuine,
            Err(error) => {
                self.refuse_extension(vetted.answered, &error);
                return Ok(());
            }
        };
        let extension = Extension {
            lease: proposed.lease,
            job: proposed.job,
            more: proposed.more,
            auctioned: lease.bid_book_root != [0; 32],
            on_chain: lease.lease,
            rules: job.job,
            clock,
        };
        let maximum = match policy::check_extension(&self.rig, &self.agent, &extension, self.clock.now()) {
            Ok(maximum) => maximum,
            Err(refusal) => {
                self.refuse_extension(vetted.answered, &refusal);
                return Ok(());
            }
        };
        match extension::cosign(&vetted.answered.transaction, self.context.node, &self.node_key) {
            Ok(signed) => {
                self.feed(Event::ExtensionAgreed { lease: proposed.lease, maximum }).await?;
                tracing::info!(lease = %proposed.lease, more = proposed.more.0, "more time for a lease agreed to");
                self.send(messages::signature(Body::ExtensionReply, vetted.answered, &signed.signature));
            }
            Err(error) => self.refuse_extension(vetted.answered, &error),
        }
        Ok(())
    }

    fn refuse_extension(&mut self, answered: Proposed, problem: &dyn Diagnostic) {
        tracing::info!(code = problem.code(), cause = %problem, "more time for a lease refused");
        self.send(messages::refusal(Body::ExtensionReply, answered, problem));
    }
}

async fn vet(
    chain: Arc<dyn Chain>,
    node: Address,
    key: Address,
    extension: &grpc::Extension,
) -> Result<Genuine, ExtensionError> {
    let proposed = extension::inspect(&extension.transaction, node, key)?;
    if proposed.lease.0[..] != extension.lease[..] {
        return Err(ExtensionError::NamesOther);
    }
    let (lease, clock) = chain.lease(proposed.lease).await?;
    let of_this_node = |lease: &LeaseAccount| lease.node == node && lease.job == proposed.job;
    let lease = lease.filter(of_this_node).ok_or(ExtensionError::NamesOther)?;
    let job = chain.job(proposed.job).await?;
    Ok(Genuine { proposed, lease, job, clock })
}
