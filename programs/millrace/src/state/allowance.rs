use anchor_lang::prelude::*;
use millrace_protocol::{self as protocol, MicroUsdc, UnixSeconds};

use super::check_version;
use crate::constants::SPARE;
use crate::MarketError;

/// What a delegate may put into jobs from a buyer's balance. Seeds: `allowance`, buyer, delegate.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    pub padding: [u8; 6],
    /// The account of the balance.
    pub buyer: Pubkey,
    /// Opens jobs, nothing else.
    pub delegate: Pubkey,
    pub rent_payer: Pubkey,
    /// Highest deposit of one job, in micro-USDC.
    pub per_job: u64,
    /// Highest sum of all deposits, in micro-USDC.
    pub total: u64,
    /// Sum of all deposits so far, in micro-USDC; refunds do not lower it.
    pub spent: u64,
    /// Unix seconds.
    pub expires_at: u64,
    pub spare: [u8; SPARE],
}

impl Allowance {
    /// # Errors
    /// [`MarketError::UnknownVersion`].
    pub fn rules(&self) -> std::result::Result<protocol::Allowance, MarketError> {
        check_version(self.version)?;
        Ok(protocol::Allowance {
            per_job: MicroUsdc(self.per_job),
            total: MicroUsdc(self.total),
            spent: MicroUsdc(self.spent),
            expires_at: UnixSeconds(self.expires_at),
        })
    }

    pub fn update(&mut self, allowance: &protocol::Allowance) {
        self.per_job = allowance.per_job.0;
        self.total = allowance.total.0;
        self.spent = allowance.spent.0;
        self.expires_at = allowance.expires_at.0;
    }
}
