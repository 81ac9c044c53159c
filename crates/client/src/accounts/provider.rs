use millrace_protocol::{Address, Payout, Provider, UnixSeconds};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// Who offers nodes, with the ledgers of its two vaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderAccount {
    pub address: Address,
    pub owner: Address,
    pub display_name: String,
    /// Index of the next node.
    pub nodes_added: u32,
    /// Whose token account earnings go to.
    pub payout: Payout,
    pub provider: Provider,
    pub rent_payer: Address,
    pub registered_at: UnixSeconds,
}

impl Account for ProviderAccount {
    const KIND: AccountKind = AccountKind::Provider;

    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let account: millrace::state::Provider = read(data)?;
        let provider = account.rules().map_err(|_| DecodeError::Contradictory)?;
        provider.invariant().map_err(|_| DecodeError::Contradictory)?;
        Ok(Self {
            address,
            owner: plain(account.owner),
            display_name: account.name().map_err(|_| DecodeError::Contradictory)?.to_owned(),
            nodes_added: account.nodes_added,
            payout: account.payout(),
            provider,
            rent_payer: plain(account.rent_payer),
            registered_at: UnixSeconds(account.registered_at),
        })
    }
}
