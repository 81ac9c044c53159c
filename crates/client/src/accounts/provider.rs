use millrace_protocol::{Address, Earnings, MicroUsdc, Stake, UnixSeconds};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// Who offers nodes, with the ledgers of its two vaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderAccount {
    pub address: Address,
    pub owner: Address,
    pub display_name: String,
    /// Nodes added so far; the index of the next one.
    pub n_nodes: u32,
    pub stake: Stake,
    /// All stake ever paid in.
    pub staked: MicroUsdc,
    /// All stake ever taken as a penalty.
    pub slashed: MicroUsdc,
    pub earnings: Earnings,
    pub registered_at: UnixSeconds,
}

impl Account for ProviderAccount {
    const KIND: AccountKind = AccountKind::Provider;

    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let provider: millrace::state::Provider = read(data)?;
        provider.invariant().map_err(|_| DecodeError::Contradictory)?;
        Ok(Self {
            address,
            owner: plain(provider.owner),
            display_name: provider.name().map_err(|_| DecodeError::Contradictory)?.to_owned(),
            n_nodes: provider.n_nodes,
            stake: provider.stake(),
            staked: MicroUsdc(provider.staked),
            slashed: MicroUsdc(provider.slashed),
            earnings: provider.earnings(),
            registered_at: UnixSeconds(provider.registered_at),
        })
    }
}
