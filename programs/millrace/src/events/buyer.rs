use anchor_lang::prelude::*;

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOpened {
    pub job: Pubkey,
    pub buyer: Pubkey,
    pub funder: Pubkey,
    pub attestor: Pubkey,
    pub mint: Pubkey,
    pub id: u64,
    pub spec_hash: [u8; 32],
    pub deposit: u64,
    pub funder_before: u64,
    pub funder_after: u64,
    pub vault_before: u64,
    pub vault_after: u64,
    pub start_deadline: u64,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobCancelled {
    pub job: Pubkey,
    pub buyer: Pubkey,
    /// The job's state after the cancel: 2 cancelling, 3 done.
    pub state: u8,
    pub live_leases: u16,
    /// No money moves.
    pub vault: u64,
    pub at: u64,
}
