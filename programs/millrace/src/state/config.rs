use anchor_lang::prelude::*;
use millrace_protocol as protocol;

use crate::constants::{SPARE, VERSION};
use crate::types::Parameters;
use crate::MarketError;

/// The network: its roles, its mint and its parameters. Seeds: `config`.
/// Read-only for every job instruction, so that unrelated jobs never wait for each other.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Config {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    /// May change parameters; never touches an escrow or a stake.
    pub admin: Pubkey,
    /// Opens leases, and attests the jobs opened while it holds the role.
    pub scheduler: Pubkey,
    /// Token account that fees are swept to.
    pub treasury: Pubkey,
    /// The only mint of deposits, stakes and payments.
    pub mint: Pubkey,
    pub parameters: Parameters,
    pub rent_payer: Pubkey,
    pub spare: [u8; SPARE],
}

impl Config {
    /// # Errors
    /// [`MarketError::UnknownVersion`], [`MarketError::ParameterOutOfBounds`].
    pub fn invariant(&self) -> Result<()> {
        require_eq!(self.version, VERSION, MarketError::UnknownVersion);
        protocol::Parameters::from(self.parameters).check().map_err(|error| MarketError::from(error).into())
    }
}
