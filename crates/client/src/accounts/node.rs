use millrace_protocol::{Address, Node, UnixSeconds};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// A rig on the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAccount {
    pub address: Address,
    pub provider: Address,
    /// Counts from 0 within the provider.
    pub index: u32,
    /// The rig's own key: accepts leases.
    pub node_key: Address,
    pub node: Node,
    /// Driver version as major * 1000 + minor; 0 without a GPU.
    pub driver: u32,
    /// CUDA version as major * 1000 + minor; 0 without one.
    pub cuda: u32,
    /// Bit flags in the provider's word.
    pub capabilities: u32,
    pub added_at: UnixSeconds,
}

impl Account for NodeAccount {
    const KIND: AccountKind = AccountKind::Node;

    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let account: millrace::state::Node = read(data)?;
        let node = account.rules().map_err(|_| DecodeError::Contradictory)?;
        node.invariant().map_err(|_| DecodeError::Contradictory)?;
        Ok(Self {
            address,
            provider: plain(account.provider),
            index: account.index,
            node_key: plain(account.node_key),
            node,
            driver: account.driver,
            cuda: account.cuda,
            capabilities: account.capabilities,
            added_at: UnixSeconds(account.added_at),
        })
    }
}
