use anchor_lang::prelude::*;

use crate::types::{Hardware, NodeOffer};

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRegistered {
    pub provider: Pubkey,
    pub owner: Pubkey,
    pub display_name: String,
    pub stake_vault: Pubkey,
    pub earnings_vault: Pubkey,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakeAdded {
    pub provider: Pubkey,
    pub owner: Pubkey,
    pub amount: u64,
    pub owner_before: u64,
    pub owner_after: u64,
    pub stake_vault_before: u64,
    pub stake_vault_after: u64,
    pub stake_locked: u64,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAdded {
    pub node: Pubkey,
    pub provider: Pubkey,
    pub index: u32,
    pub node_key: Pubkey,
    pub hardware: Hardware,
    pub price: u64,
    pub spot_price: u64,
    pub service_level: u8,
    pub at: u64,
}

/// No money moves; the amount backs no lease from now on.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnstakeRequested {
    pub provider: Pubkey,
    pub owner: Pubkey,
    pub amount: u64,
    pub unlocks_at: u64,
    /// What may back a lease or leave.
    pub free_before: u64,
    pub free_after: u64,
    pub stake_total: u64,
    pub stake_locked: u64,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakeWithdrawn {
    pub provider: Pubkey,
    pub owner: Pubkey,
    pub amount: u64,
    pub owner_before: u64,
    pub owner_after: u64,
    pub stake_vault_before: u64,
    pub stake_vault_after: u64,
    pub stake_locked: u64,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutChanged {
    pub provider: Pubkey,
    /// Counts until `next_from`.
    pub current: Pubkey,
    pub next_before: Pubkey,
    pub next_from_before: u64,
    pub next_after: Pubkey,
    /// Zero without a change under way.
    pub next_from_after: u64,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarningsWithdrawn {
    pub provider: Pubkey,
    /// Whose token account was paid.
    pub payout_owner: Pubkey,
    pub payout_account: Pubkey,
    pub amount: u64,
    pub payout_before: u64,
    pub payout_after: u64,
    pub earnings_vault_before: u64,
    pub earnings_vault_after: u64,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderStatusSet {
    pub provider: Pubkey,
    /// 0 active, 1 draining.
    pub before: u8,
    pub after: u8,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeUpdated {
    pub node: Pubkey,
    pub provider: Pubkey,
    pub before: NodeOffer,
    pub after: NodeOffer,
    /// By the protocol's numbers; 0 after a change of hardware or software, which must be attested anew.
    pub attestation_class_before: u8,
    pub attestation_class_after: u8,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatusSet {
    pub node: Pubkey,
    pub provider: Pubkey,
    /// 0 active, 1 draining.
    pub before: u8,
    pub after: u8,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeKeyRotated {
    pub node: Pubkey,
    pub provider: Pubkey,
    pub before: Pubkey,
    pub after: Pubkey,
    /// By the protocol's numbers; 0 afterwards, as another key may be another machine.
    pub attestation_class_before: u8,
    pub attestation_class_after: u8,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRemoved {
    pub node: Pubkey,
    pub provider: Pubkey,
    pub index: u32,
    pub node_key: Pubkey,
    /// Nodes of the provider.
    pub nodes_before: u32,
    pub nodes_after: u32,
    pub at: u64,
}

/// The provider and its vaults are gone.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderClosed {
    pub provider: Pubkey,
    pub owner: Pubkey,
    /// All stake ever paid in, taken and given back.
    pub staked: u64,
    pub slashed: u64,
    pub stake_withdrawn: u64,
    /// All earnings ever received, withdrawn and swept.
    pub earnings_received: u64,
    pub earnings_withdrawn: u64,
    pub earnings_swept: u64,
    /// Sent to the vaults by strangers; goes to the owner.
    pub stake_vault_before: u64,
    pub stake_vault_after: u64,
    pub earnings_vault_before: u64,
    pub earnings_vault_after: u64,
    pub owner_before: u64,
    pub owner_after: u64,
    pub at: u64,
}
