use anchor_lang::prelude::*;
use millrace_protocol::{self as protocol, MicroUsdc, UnixSeconds};

use super::check_version;
use crate::constants::SPARE;
use crate::MarketError;

/// A challenge of a reported lease; gone with the lease. Seeds: `dispute`, lease.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    pub padding: [u8; 6],
    pub job: Pubkey,
    pub lease: Pubkey,
    /// Paid the bond, and gets it back unless the provider is right.
    pub challenger: Pubkey,
    /// SHA-256 of the challenger's evidence.
    pub evidence_hash: [u8; 32],
    pub rent_payer: Pubkey,
    /// In the job's vault, in micro-USDC.
    pub bond: u64,
    /// Unix seconds.
    pub opened_at: u64,
    /// From then on anyone may settle the lease as reported; Unix seconds.
    pub decide_by: u64,
    pub spare: [u8; SPARE],
}

impl Dispute {
    /// # Errors
    /// [`MarketError::UnknownVersion`].
    pub fn rules(&self) -> std::result::Result<protocol::Dispute, MarketError> {
        check_version(self.version)?;
        Ok(protocol::Dispute {
            bond: MicroUsdc(self.bond),
            opened_at: UnixSeconds(self.opened_at),
            decide_by: UnixSeconds(self.decide_by),
        })
    }
}
