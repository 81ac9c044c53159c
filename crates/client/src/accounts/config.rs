use millrace_protocol::{Address, Parameters};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// The network: its roles, its mint, its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigAccount {
    pub address: Address,
    pub admin: Address,
    /// Becomes the admin once it signs.
    pub pending_admin: Option<Address>,
    /// Opens leases and signs vouchers.
    pub scheduler: Address,
    /// Decides disputes.
    pub arbiter: Address,
    /// No new jobs; everything under way goes on.
    pub paused: bool,
    /// Token account that fees are swept to.
    pub treasury: Address,
    /// The only mint of deposits, stakes and payments.
    pub mint: Address,
    pub parameters: Parameters,
}

impl Account for ConfigAccount {
    const KIND: AccountKind = AccountKind::Config;

    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let config: millrace::state::Config = read(data)?;
        let parameters = config.rules().map_err(|_| DecodeError::Contradictory)?;
        Ok(Self {
            address,
            admin: plain(config.admin),
            pending_admin: Some(plain(config.pending_admin)).filter(|admin| *admin != Address([0; 32])),
            scheduler: plain(config.scheduler),
            arbiter: plain(config.arbiter),
            paused: config.paused != 0,
            treasury: plain(config.treasury),
            mint: plain(config.mint),
            parameters,
        })
    }
}
