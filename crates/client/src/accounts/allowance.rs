use millrace_protocol::{Address, Allowance};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// What a delegate may put into jobs from a buyer's balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowanceAccount {
    pub address: Address,
    /// The account of the balance.
    pub buyer: Address,
    /// Opens jobs, nothing else.
    pub delegate: Address,
    pub rent_payer: Address,
    pub allowance: Allowance,
}

impl Account for AllowanceAccount {
    const KIND: AccountKind = AccountKind::Allowance;

    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let account: millrace::state::Allowance = read(data)?;
        let allowance = account.rules().map_err(|_| DecodeError::Contradictory)?;
        Ok(Self {
            address,
            buyer: plain(account.buyer),
            delegate: plain(account.delegate),
            rent_payer: plain(account.rent_payer),
            allowance,
        })
    }
}
