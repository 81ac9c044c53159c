//! Whether leases may come, in a word.

use millrace_protocol::{NodeStatus, ProviderStatus};

/// How a node's status reads.
pub fn node(status: NodeStatus) -> &'static str {
    match status {
        NodeStatus::Active => "active",
        NodeStatus::Draining => "draining",
    }
}

/// How a provider's status reads.
pub fn provider(status: ProviderStatus) -> &'static str {
    match status {
        ProviderStatus::Active => "active",
        ProviderStatus::Draining => "draining",
        ProviderStatus::Delisted => "delisted",
    }
}
