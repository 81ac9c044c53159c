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

/// No money moves.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultCommitted {
    pub job: Pubkey,
    pub quorum: Pubkey,
    pub round: u32,
    pub lease: Pubkey,
    pub commitment: [u8; 32],
    /// Until when the others may commit.
    pub commit_by: u64,
    /// Until when everyone must have revealed; zero while others may still commit.
    pub reveal_by: u64,
    pub at: u64,
}

/// No money moves.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRevealed {
    pub job: Pubkey,
    pub quorum: Pubkey,
    pub round: u32,
    pub lease: Pubkey,
    pub root: [u8; 32],
    pub at: u64,
}
