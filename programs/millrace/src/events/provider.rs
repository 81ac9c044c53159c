use anchor_lang::prelude::*;

use crate::types::Hardware;

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
