use std::collections::BTreeSet;

use crate::NodeView;

/// A node of the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    pub view: NodeView,
}

/// The worker of a node, as last heard.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Worker {
    pub session: u64,
    pub connected: bool,
    /// In milliseconds since 1970.
    pub last_heard: u64,
    pub images: BTreeSet<String>,
}

impl Worker {
    /// Whether nothing was heard for longer than `patience` milliseconds.
    pub fn silent(&self, now: u64, patience: u64) -> bool {
        now.saturating_sub(self.last_heard) > patience
    }

    /// Whether it can be given something to do.
    pub fn live(&self, now: u64, patience: u64) -> bool {
        self.connected && !self.silent(now, patience)
    }
}
