use anchor_lang::prelude::*;

use crate::types::Parameters;

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInitialized {
    pub admin: Pubkey,
    pub scheduler: Pubkey,
    pub arbiter: Pubkey,
    pub treasury: Pubkey,
    pub mint: Pubkey,
    pub parameters: Parameters,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminProposed {
    pub admin: Pubkey,
    /// Zeros without a handover under way.
    pub pending_before: Pubkey,
    pub pending_after: Pubkey,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminAccepted {
    pub before: Pubkey,
    pub after: Pubkey,
    pub at: u64,
}

/// Leases keep what they were opened under.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParametersSet {
    pub before: Parameters,
    pub after: Parameters,
    pub at: u64,
}

/// Leases keep their attestor.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerSet {
    pub before: Pubkey,
    pub after: Pubkey,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArbiterSet {
    pub before: Pubkey,
    pub after: Pubkey,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreasurySet {
    pub before: Pubkey,
    pub after: Pubkey,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PausedSet {
    pub before: bool,
    pub after: bool,
    pub at: u64,
}
