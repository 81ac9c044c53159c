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

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeOpened {
    pub job: Pubkey,
    pub lease: Pubkey,
    pub dispute: Pubkey,
    pub challenger: Pubkey,
    /// SHA-256 of the challenger's evidence.
    pub evidence_hash: [u8; 32],
    /// From the challenger into the job's vault.
    pub bond: u64,
    pub challenger_before: u64,
    pub challenger_after: u64,
    pub vault_before: u64,
    pub vault_after: u64,
    /// From then on nobody's ruling counts.
    pub decide_by: u64,
    pub at: u64,
}
