use anchor_lang::prelude::*;

/// No tokens move; the ledgers' holds do.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseOpened {
    pub job: Pubkey,
    pub lease: Pubkey,
    pub number: u32,
    pub node: Pubkey,
    pub provider: Pubkey,
    /// Whose vouchers count.
    pub attestor: Pubkey,
    /// Root of all bids of an auction; zeros otherwise.
    pub bid_book_root: [u8; 32],
    pub price: u64,
    pub units: u16,
    pub maximum_seconds: u64,
    /// Held of the job's deposit for this lease.
    pub reserved: u64,
    pub job_reserved_before: u64,
    pub job_reserved_after: u64,
    /// Locked of the provider's stake for this lease.
    pub bond: u64,
    pub stake_locked_before: u64,
    pub stake_locked_after: u64,
    pub start_by: u64,
    pub ends_by: u64,
    pub at: u64,
}
