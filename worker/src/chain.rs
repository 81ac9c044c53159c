//! What a worker asks of the chain, and the little it does there itself.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_client::accounts::{JobAccount, LeaseAccount};
use millrace_client::{Client, Error, Keypair, Sender, SignedVoucher, instructions};
use millrace_protocol::{Address, UnixSeconds};

/// What a node may have to do for a lease by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Bring the latest voucher in.
    Redeem(Box<SignedVoucher>),
    ExtendStart,
    Hold,
}

/// The chain, as a worker sees it.
pub trait Chain: Send + Sync + 'static {
    fn job(&self, address: Address) -> BoxFuture<'_, Result<JobAccount, Error>>;

    /// Whose vouchers count where a job names nobody else.
    fn scheduler(&self) -> BoxFuture<'_, Result<Address, Error>>;

    /// A lease, if there is one, and the chain's time.
    fn lease(&self, address: Address) -> BoxFuture<'_, Result<(Option<LeaseAccount>, UnixSeconds), Error>>;

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

    fn act(&self, lease: LeaseAccount, deed: Deed) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let instructions = match deed {
                Deed::Redeem(voucher) => instructions::settle(&self.job(lease.job).await?, &lease, &voucher),
                Deed::ExtendStart => instructions::extend_start(self.node_key, &lease),
                Deed::Hold => instructions::hold_lease(self.node_key, &lease),
            };
            self.sender.send(&instructions, &[]).await.map(|_| ())
        }
        .boxed()
    }
}
