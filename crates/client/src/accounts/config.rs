use millrace_protocol::{Address, Parameters};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// The network: its roles, its mint, its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigAccount {
    pub address: Address,
    pub admin: Address,
    /// Opens leases and signs vouchers.
    pub scheduler: Address,
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
            scheduler: plain(config.scheduler),
            treasury: plain(config.treasury),
            mint: plain(config.mint),
            parameters,
        })
    }
}
