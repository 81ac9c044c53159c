//! What a worker asks the chain.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_client::accounts::JobAccount;
use millrace_client::{Client, Error};
use millrace_protocol::Address;

/// Reads the chain for a worker.
pub trait Chain: Send + Sync + 'static {
    fn job(&self, address: Address) -> BoxFuture<'_, Result<JobAccount, Error>>;
}

impl Chain for Client {
    fn job(&self, address: Address) -> BoxFuture<'_, Result<JobAccount, Error>> {
        self.fetch(address).boxed()
    }
}
