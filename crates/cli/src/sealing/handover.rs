use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use millrace_client::accounts::{LeaseAccount, NodeAccount};
use millrace_client::{Client, address as addresses};
use millrace_link::rest::{JobStatus, LeaseStatus};
use millrace_protocol::Address;
use millrace_seal::{Binding, Secrets};
use millrace_spec::Placement;
use reqwest::StatusCode;

use super::Error;
use crate::errors::Failure;
use crate::market::{self, Market};
use crate::output::Output;

/// From one attempt for a lease to the next.
const PAUSE: Duration = Duration::from_secs(2);

/// Brings each lease's rig what the job needs of its buyer, once, as leases come.
pub struct Handover {
    secrets: Secrets,
    placement: Placement,
    wallet: SigningKey,
    client: Client,
    /// Leases that have it, or whose rig has refused it.
    settled: BTreeSet<Address>,
    tried: BTreeMap<Address, Instant>,
}

impl Handover {
    pub fn new(secrets: Secrets, placement: Placement, wallet: SigningKey, client: Client) -> Self {
        Self { secrets, placement, wallet, client, settled: BTreeSet::new(), tried: BTreeMap::new() }
    }

    /// Brings it to every lease that has not had it. What may pass is tried again at a later call; what may not is
    /// said once, and the rig fails its task with the cause when its wait is over.
    ///
    /// # Errors
    /// [`Error::LeaseForeign`], [`Error::ProviderUnwanted`]: an orchestrator that lies gets nothing.
    pub async fn bring(&mut self, output: &dyn Output, market: &Market, job: &JobStatus) -> Result<(), Failure> {
        for lease in job.leases.iter().filter(|lease| !lease.ended) {
            let lately = self.tried.get(&lease.address).is_some_and(|tried| tried.elapsed() < PAUSE);
            if lately || self.settled.contains(&lease.address) {
                continue;
            }
            self.tried.insert(lease.address, Instant::now());
            match self.bring_to(market, job.address, lease).await {
                Ok(()) => {
                    output.note(&format!("lease {}: {} has what was sealed for it", lease.number, lease.provider_name));
                    self.settled.insert(lease.address);
                }
                Err(Unbrought::Later) => {}
                Err(Unbrought::Never(failure)) => {
                    output.note(&format!("lease {}: {} [{}]", lease.number, failure.message, failure.code));
                    self.settled.insert(lease.address);
                }
                Err(Unbrought::Lie(failure)) => return Err(failure),
            }
        }
        Ok(())
    }

    async fn bring_to(&self, market: &Market, job: Address, told: &LeaseStatus) -> Result<(), Unbrought> {
        let found: Option<LeaseAccount> = self.client.find(told.address).await?;
        // Its transaction may not be confirmed yet, or it has ended since.
        let lease = found.ok_or(Unbrought::Later)?;
        if lease.job != job {
            return Err(Unbrought::Lie(Error::LeaseForeign { lease: told.address }.into()));
        }
        check_provider(&self.placement, lease.provider).map_err(|error| Unbrought::Lie(error.into()))?;
        let node: NodeAccount = self.client.fetch(lease.node).await?;
        let binding = Binding { program: addresses::program(), job, node: lease.node, lease: lease.address };
        let envelope = millrace_seal::seal(&self.secrets, binding, node.node_key, &self.wallet)
            .map_err(|error| Unbrought::Never(error.into()))?;
        Ok(market.hand_over(job, lease.address, envelope).await?)
    }
}

/// The chain does not hold a lease to the job file's placement; a buyer with secrets does.
pub(super) fn check_provider(placement: &Placement, provider: Address) -> Result<(), Error> {
    let wanted = placement.providers.is_empty() || placement.providers.contains(&provider);
    if wanted && !placement.denied_providers.contains(&provider) {
        return Ok(());
    }
    Err(Error::ProviderUnwanted { provider })
}

enum Unbrought {
    Later,
    Never(Failure),
    Lie(Failure),
}

impl From<millrace_client::Error> for Unbrought {
    fn from(error: millrace_client::Error) -> Self {
        if error.is_transient() { Self::Later } else { Self::Never(error.into()) }
    }
}

impl From<market::Error> for Unbrought {
    fn from(error: market::Error) -> Self {
        // A rig that is away, or a lease that the orchestrator has not seen yet.
        let is_unseen = matches!(&error, market::Error::Refused { status: StatusCode::NOT_FOUND, .. });
        if error.passes() || is_unseen { Self::Later } else { Self::Never(error.into()) }
    }
}
