use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use millrace_client::Client;
use millrace_protocol::Address;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(30);
/// No wallet holds so many.
const UNKNOWN: u64 = u64::MAX;

/// What the scheduler's key has to pay with, as last read. Clones read the same.
#[derive(Clone)]
pub(crate) struct Wallet {
    client: Client,
    owner: Address,
    lamports: Arc<AtomicU64>,
}

impl Wallet {
    pub fn new(client: Client, owner: Address) -> Self {
        Self { client, owner, lamports: Arc::new(AtomicU64::new(UNKNOWN)) }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// None before the first reading.
    pub fn lamports(&self) -> Option<u64> {
        Some(self.lamports.load(Ordering::Relaxed)).filter(|lamports| *lamports != UNKNOWN)
    }

    /// Keeps reading until `stop`.
    pub async fn follow(self, stop: CancellationToken) {
        let mut turns = tokio::time::interval(EVERY);
        while stop.run_until_cancelled(turns.tick()).await.is_some() {
            match self.client.lamports(self.owner).await {
                Ok(lamports) => self.lamports.store(lamports, Ordering::Relaxed),
                Err(error) => tracing::debug!(%error, "the scheduler's balance cannot be read now"),
            }
        }
    }
}
