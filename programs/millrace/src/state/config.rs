use anchor_lang::prelude::*;
use millrace_protocol as protocol;

use super::check_version;
use crate::constants::SPARE;
use crate::types::Parameters;
use crate::MarketError;

/// The network: its roles, its mint and its parameters. Seeds: `config`.
/// Read-only for every job instruction, so that unrelated jobs never wait for each other.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Config {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    /// Not 0: no new jobs; everything under way goes on.
    pub paused: u8,
    pub padding: [u8; 5],
    /// May change roles and parameters; never touches an escrow or a stake.
    pub admin: Pubkey,
    /// Becomes the admin once it signs; zeros without a handover under way.
    pub pending_admin: Pubkey,
    /// Opens leases, and attests the leases opened while it holds the role.
    pub scheduler: Pubkey,
    /// Decides disputes.
    pub arbiter: Pubkey,
    /// Token account that fees are swept to.
    pub treasury: Pubkey,
    /// The only mint of deposits, stakes and payments.
    pub mint: Pubkey,
    pub rent_payer: Pubkey,
    pub parameters: Parameters,
    pub spare: [u8; SPARE],
}

impl Config {
    /// The parameters, checked.
    ///
    /// # Errors
    /// [`MarketError::UnknownVersion`], [`MarketError::ParameterOutOfBounds`].
    pub fn rules(&self) -> std::result::Result<protocol::Parameters, MarketError> {
        check_version(self.version)?;
        let parameters = protocol::Parameters::from(self.parameters);
        parameters.check()?;
        Ok(parameters)
    }
}
