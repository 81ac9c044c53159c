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
    /// The scheduler that attested the hardware last; none without an attestation.
    pub attestor: Option<Address>,
    /// SHA-256 of what was attested.
    pub attestation_digest: [u8; 32],
    /// Score of the last attestation's challenge, as its attestor counts.
    pub attestation_score: u16,
    /// Gets the rent back when the node is removed.
    pub rent_payer: Address,
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
            attestor: Some(plain(account.attestor)).filter(|attestor| *attestor != Address([0; 32])),
            attestation_digest: account.attestation_digest,
            attestation_score: account.attestation_score,
            rent_payer: plain(account.rent_payer),
            added_at: UnixSeconds(account.added_at),
        })
    }
}
