use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;

use super::TIMEOUT;

/// One RPC endpoint and what is to be expected of it.
pub(crate) struct Connection {
    pub rpc: Arc<RpcClient>,
    /// Whether it failed or came too late when it was asked last.
    is_late: AtomicBool,
    /// The slot of its last answer that had one.
    slot: AtomicU64,
}

impl Connection {
    /// Nothing is sent before the first request.
    pub fn new(url: &str) -> Self {
        let commitment = CommitmentConfig::confirmed();
        let rpc = RpcClient::new_with_timeout_and_commitment(url.to_owned(), TIMEOUT, commitment);
        Self { rpc: Arc::new(rpc), is_late: AtomicBool::new(false), slot: AtomicU64::new(0) }
    }

    pub fn is_late(&self) -> bool {
        self.is_late.load(Ordering::Relaxed)
    }

    pub fn set_late(&self, is_late: bool) {
        self.is_late.store(is_late, Ordering::Relaxed);
    }

    pub fn slot(&self) -> u64 {
        self.slot.load(Ordering::Relaxed)
    }

    pub fn set_slot(&self, slot: u64) {
        self.slot.store(slot, Ordering::Relaxed);
    }
}
