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

/// No tokens move; the job's hold does.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseExtended {
    pub job: Pubkey,
    pub lease: Pubkey,
    pub node: Pubkey,
    /// The scheduler or the buyer.
    pub authority: Pubkey,
    pub maximum_seconds_before: u64,
    pub maximum_seconds_after: u64,
    pub ends_by_before: u64,
    pub ends_by_after: u64,
    /// Held of the job's deposit for this lease.
    pub reserved_before: u64,
    pub reserved_after: u64,
    pub job_reserved_before: u64,
    pub job_reserved_after: u64,
    pub at: u64,
}

/// A spot lease ends with the notice; no money moves.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreemptionNoticed {
    pub job: Pubkey,
    pub lease: Pubkey,
    pub node: Pubkey,
    /// When the lease ends; it had no such end before.
    pub preempted_at: u64,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAttested {
    pub node: Pubkey,
    pub provider: Pubkey,
    pub attestor: Pubkey,
    /// SHA-256 of the evidence.
    pub digest: [u8; 32],
    pub score: u16,
    /// 0 claimed, 1 challenged, 2 enclave.
    pub class_before: u8,
    pub class_after: u8,
    pub expires_at_before: u64,
    pub expires_at_after: u64,
    pub at: u64,
}
