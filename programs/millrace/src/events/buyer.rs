use anchor_lang::prelude::*;
use millrace_protocol::{MicroUsdc, UnixSeconds};

use crate::state::{Allowance, Job};

/// What an account held before and after.
type Change = (MicroUsdc, MicroUsdc);

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOpened {
    pub job: Pubkey,
    pub buyer: Pubkey,
    /// The wallet that paid, or the buyer's balance.
    pub funder: Pubkey,
    /// Who opened it: the buyer, or a delegate.
    pub authority: Pubkey,
    /// Zeros for the network's scheduler.
    pub attestor: Pubkey,
    pub mint: Pubkey,
    pub id: u64,
    pub prepaid: bool,
    pub spec_hash: [u8; 32],
    pub deposit: u64,
    pub funder_before: u64,
    pub funder_after: u64,
    pub vault_before: u64,
    pub vault_after: u64,
    pub start_deadline: u64,
    pub at: u64,
}

impl JobOpened {
    pub(crate) fn new(address: Pubkey, job: &Job, authority: Pubkey, funder: Change, vault_after: MicroUsdc) -> Self {
        Self {
            job: address,
            buyer: job.buyer,
            funder: job.funder,
            authority,
            attestor: job.attestor,
            mint: job.mint,
            id: job.id,
            prepaid: job.prepaid != 0,
            spec_hash: job.spec_hash,
            deposit: job.terms.deposit,
            funder_before: funder.0 .0,
            funder_after: funder.1 .0,
            vault_before: 0,
            vault_after: vault_after.0,
            start_deadline: job.start_deadline,
            at: job.opened_at,
        }
    }
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobExtended {
    pub job: Pubkey,
    pub buyer: Pubkey,
    pub funder: Pubkey,
    /// Added to the deposit.
    pub added: u64,
    /// What was ever paid in, with the addition.
    pub deposit: u64,
    /// Longest lease from now on.
    pub lease_seconds: u64,
    pub start_window: u64,
    pub start_deadline: u64,
    pub funder_before: u64,
    pub funder_after: u64,
    pub vault_before: u64,
    pub vault_after: u64,
    pub at: u64,
}

impl JobExtended {
    pub(crate) fn new(
        address: Pubkey,
        job: &Job,
        added: MicroUsdc,
        (funder, vault): (Change, Change),
        now: UnixSeconds,
    ) -> Self {
        Self {
            job: address,
            buyer: job.buyer,
            funder: job.funder,
            added: added.0,
            deposit: job.terms.deposit,
            lease_seconds: job.terms.lease_seconds,
            start_window: job.terms.start_window,
            start_deadline: job.start_deadline,
            funder_before: funder.0 .0,
            funder_after: funder.1 .0,
            vault_before: vault.0 .0,
            vault_after: vault.1 .0,
            at: now.0,
        }
    }
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyerOpened {
    pub balance: Pubkey,
    pub owner: Pubkey,
    pub buyer_vault: Pubkey,
    pub at: u64,
}

/// Money came into a balance, or left it for its owner's wallet.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceMoved {
    pub balance: Pubkey,
    pub owner: Pubkey,
    /// Whose token account the money came from or went to.
    pub wallet: Pubkey,
    pub balance_before: u64,
    pub balance_after: u64,
    pub wallet_before: u64,
    pub wallet_after: u64,
    pub vault_before: u64,
    pub vault_after: u64,
    pub at: u64,
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyerClosed {
    pub balance: Pubkey,
    pub owner: Pubkey,
    /// Sent to the vault by strangers; went to the owner.
    pub surplus: u64,
    pub wallet_before: u64,
    pub wallet_after: u64,
    pub at: u64,
}

/// A delegate's allowance was opened or changed.
#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowanceChanged {
    pub balance: Pubkey,
    pub delegate: Pubkey,
    pub per_job: u64,
    pub total: u64,
    pub spent: u64,
    pub expires_at: u64,
    pub at: u64,
}

impl AllowanceChanged {
    pub(crate) fn new(allowance: &Allowance, now: UnixSeconds) -> Self {
        Self {
            balance: allowance.buyer,
            delegate: allowance.delegate,
            per_job: allowance.per_job,
            total: allowance.total,
            spent: allowance.spent,
            expires_at: allowance.expires_at,
            at: now.0,
        }
    }
}

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowanceClosed {
    pub allowance: Pubkey,
    pub balance: Pubkey,
    pub delegate: Pubkey,
    pub spent: u64,
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
