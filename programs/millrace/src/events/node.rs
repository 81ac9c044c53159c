use anchor_lang::prelude::*;

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
