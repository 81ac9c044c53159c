use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use millrace_agent::Event;
use millrace_client::accounts::JobAccount;
use millrace_link::grpc;
use millrace_protocol::{Address, Diagnostic};
use millrace_seal::Opened;
use thiserror::Error;

use super::Driver;
use crate::{Error, messages};

/// Why what a buyer has brought is not taken.
#[derive(Debug, Error)]
pub(super) enum SealedError {
    #[error("the rig does not hold this lease")]
    LeaseUnknown,
    #[error(transparent)]
    Envelope(#[from] millrace_seal::Error),
    #[error(transparent)]
    Chain(#[from] millrace_client::Error),
    #[error("the rig cannot keep it")]
    Unkept(#[source] io::Error),
}

impl Diagnostic for SealedError {
    fn code(&self) -> &'static str {
        match self {
            Self::LeaseUnknown => "lease-unknown",
            Self::Envelope(source) => source.code(),
            Self::Chain(source) => source.code(),
            Self::Unkept(_) => "data-folder-unusable",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::LeaseUnknown => "nothing to do: the lease is over".to_owned(),
            Self::Envelope(source) => source.hint(),
            Self::Chain(source) => source.hint(),
            Self::Unkept(_) => "the rig's owner must look at its data folder".to_owned(),
        }
    }
}

/// An envelope that was opened, or why not.
pub(super) struct Brought {
    lease: Address,
    envelope: Vec<u8>,
    result: Result<Opened, SealedError>,
}

impl Driver {
    /// Opens what earlier workers on this data folder have kept.
    pub(super) async fn restore_sealed(&mut self) -> Result<(), Error> {
        let leases: HashMap<Address, Address> =
            self.agent.leases().map(|(address, lease)| (address, lease.terms.job)).collect();
        for lease in self.context.vault.restore(&leases) {
            self.feed(Event::Unsealed(lease)).await?;
        }
        Ok(())
    }

    /// Reads on chain whose job it is beside the loop, then comes back to it.
    pub(super) fn on_sealed(&self, sealed: grpc::Sealed) {
        let lease = messages::address(&sealed.lease, "lease").ok();
        let held = lease.and_then(|lease| Some((lease, self.agent.lease(&lease)?.terms.job)));
        let Some((lease, job)) = held else {
            self.send(messages::sealed_reply(sealed.lease, Some(&SealedError::LeaseUnknown)));
            return;
        };
        let (chain, context, brought) = (self.chain.clone(), Arc::clone(&self.context), self.brought.0.clone());
        tokio::spawn(async move {
            let envelope = sealed.envelope;
            let result = match chain.job(job).await {
                Ok(account) => context.vault.unseal(&envelope, job, lease, &openers(&account)).map_err(Into::into),
                Err(error) => Err(error.into()),
            };
            let _ = brought.send(Brought { lease, envelope, result });
        });
    }

    /// Remembers, then goes on with what waited, then says so.
    pub(super) async fn on_brought(&mut self, brought: Brought) -> Result<(), Error> {
        let Brought { lease, envelope, result } = brought;
        let held = self.agent.lease(&lease).is_some();
        let kept = match result {
            Ok(_) if !held => Err(SealedError::LeaseUnknown),
            Ok(opened) => self.context.vault.keep(lease, &envelope, opened).map_err(SealedError::Unkept),
            Err(error) => Err(error),
        };
        match kept {
            Ok(()) => {
                tracing::info!(%lease, "the buyer has brought what the job needs of it");
                self.feed(Event::Unsealed(lease)).await?;
                self.send(messages::sealed_reply(lease.0.to_vec(), None));
            }
            Err(error) => {
                tracing::warn!(%lease, code = error.code(), %error, "what a buyer has sealed is refused");
                self.send(messages::sealed_reply(lease.0.to_vec(), Some(&error)));
            }
        }
        Ok(())
    }
}

/// Who may bring something for a job: its buyer, and the delegate who opened it, who paid the account's rent.
fn openers(job: &JobAccount) -> Vec<Address> {
    let delegate = Some(job.rent_payer).filter(|_| job.prepaid);
    std::iter::once(job.buyer).chain(delegate).collect()
}
