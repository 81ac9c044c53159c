//! What a worker asks of the chain, and the little it does there itself.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_client::accounts::{JobAccount, LeaseAccount, QuorumAccount};
use millrace_client::{Client, Error, Keypair, Sender, SignedVoucher, instructions};
use millrace_protocol::quorum::Quorum;
use millrace_protocol::{Address, UnixSeconds};
use millrace_spec::Sha256;

/// What a node may have to do for a lease by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Bring the latest voucher in.
    Redeem(Box<SignedVoucher>),
    ExtendStart,
    Hold,
    /// Commit to the result in its round.
    Commit {
        root: Sha256,
        salt: [u8; 32],
    },
    /// Show the result in its round.
    Reveal {
        root: Sha256,
        salt: [u8; 32],
    },
}

/// The chain, as a worker sees it.
pub trait Chain: Send + Sync + 'static {
    fn job(&self, address: Address) -> BoxFuture<'_, Result<JobAccount, Error>>;

    /// Whose vouchers count where a job names nobody else.
    fn scheduler(&self) -> BoxFuture<'_, Result<Address, Error>>;

    /// A lease, if there is one, and the chain's time.
    fn lease(&self, address: Address) -> BoxFuture<'_, Result<(Option<LeaseAccount>, UnixSeconds), Error>>;

    /// The round in which a lease's result is counted, and the chain's time; none once the lease is settled.
    fn round(&self, lease: Address) -> BoxFuture<'_, Result<(Option<Quorum>, UnixSeconds), Error>>;

    /// One transaction, signed and paid for by the node's key.
    fn act(&self, lease: LeaseAccount, deed: Deed) -> BoxFuture<'_, Result<(), Error>>;
}

/// The chain behind RPC endpoints.
pub(crate) struct Rpc {
    client: Client,
    sender: Sender,
    node_key: Address,
}

impl Rpc {
    pub fn new(client: Client, node_key: &Keypair) -> Self {
        let payer = Arc::new(node_key.insecure_clone());
        let address = millrace_client::keys::address_of(node_key);
        Self { sender: Sender::new(client.clone(), payer), client, node_key: address }
    }
}

impl Chain for Rpc {
    fn job(&self, address: Address) -> BoxFuture<'_, Result<JobAccount, Error>> {
        self.client.fetch(address).boxed()
    }

    fn scheduler(&self) -> BoxFuture<'_, Result<Address, Error>> {
        async { Ok(self.client.config().await?.scheduler) }.boxed()
    }

    fn lease(&self, address: Address) -> BoxFuture<'_, Result<(Option<LeaseAccount>, UnixSeconds), Error>> {
        async move {
            let lease = self.client.find(address).await?;
            Ok((lease, self.client.chain_clock().await?))
        }
        .boxed()
    }

    fn round(&self, lease: Address) -> BoxFuture<'_, Result<(Option<Quorum>, UnixSeconds), Error>> {
        async move {
            let clock = self.client.chain_clock().await?;
            let Some(lease) = self.client.find::<LeaseAccount>(lease).await? else { return Ok((None, clock)) };
            let job = self.job(lease.job).await?;
            let round: QuorumAccount = self.client.fetch(job.round()).await?;
            Ok((Some(round.quorum), clock))
        }
        .boxed()
    }

    fn act(&self, lease: LeaseAccount, deed: Deed) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let instructions = match deed {
                Deed::Redeem(voucher) => instructions::settle(&self.job(lease.job).await?, &lease, &voucher),
                Deed::ExtendStart => instructions::extend_start(self.node_key, &lease),
                Deed::Hold => instructions::hold_lease(self.node_key, &lease),
                Deed::Commit { root, salt } => {
                    instructions::commit_result(self.node_key, &self.job(lease.job).await?, &lease, root.0, salt)
                }
                Deed::Reveal { root, salt } => {
                    instructions::reveal_result(self.node_key, &self.job(lease.job).await?, &lease, root.0, salt)
                }
            };
            self.sender.send(&instructions, &[]).await.map(|_| ())
        }
        .boxed()
    }
}
