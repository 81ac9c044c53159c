use anchor_lang::prelude::*;

/// The node takes its one extension of the start; no money moves.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseStartExtended {
    pub job: Pubkey,
    pub lease: Pubkey,
    pub node: Pubkey,
    pub start_by_before: u64,
    pub start_by_after: u64,
    pub ends_by_before: u64,
    pub ends_by_after: u64,
    pub at: u64,
}

/// The node works on although no voucher comes; no money moves.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseHeld {
    pub job: Pubkey,
    pub lease: Pubkey,
    pub node: Pubkey,
    pub checkpoint_by_before: u64,
    pub checkpoint_by_after: u64,
    pub at: u64,
}
