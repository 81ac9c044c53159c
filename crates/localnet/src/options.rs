use std::time::Duration;

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// TCP port of JSON-RPC on 127.0.0.1; a free one when absent.
    pub rpc_port: Option<u16>,
    /// TCP port of the WebSocket on 127.0.0.1; a free one when absent. Solana's command line
    /// expects it at the RPC port plus one.
    pub ws_port: Option<u16>,
    /// When blocks are made.
    pub slot: SlotMode,
    /// The program to load in place of the one this crate carries: the bytes of an SBPF `.so`.
    pub program: Option<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { rpc_port: None, ws_port: None, slot: SlotMode::Clock(SlotMode::CLUSTER), program: None }
    }
}

/// When the network makes a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotMode {
    /// One per interval, as a cluster does. Whole milliseconds, at least one.
    Clock(Duration),
    /// One after each transaction, at once: the fastest for tests. The clock still follows the
    /// wall clock, with an empty block a second.
    Transaction,
}

impl SlotMode {
    /// The interval of a cluster.
    pub const CLUSTER: Duration = Duration::from_millis(400);
}
