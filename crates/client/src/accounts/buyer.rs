use millrace_protocol::{Address, Buyer};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::address as plain;

/// A buyer's prepaid balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyerAccount {
    pub address: Address,
    /// May withdraw, allow delegates, and cancel.
    pub owner: Address,
    pub mint: Address,
    pub rent_payer: Address,
    pub buyer: Buyer,
}

impl Account for BuyerAccount {
    const KIND: AccountKind = AccountKind::Buyer;

    fn decode(address: Address, data: &[u8]) -> Result<Self, DecodeError> {
        let account: millrace::state::Buyer = read(data)?;
        let buyer = account.rules().map_err(|_| DecodeError::Contradictory)?;
        buyer.invariant().map_err(|_| DecodeError::Contradictory)?;
        Ok(Self {
            address,
            owner: plain(account.owner),
            mint: plain(account.mint),
            rent_payer: plain(account.rent_payer),
            buyer,
        })
    }
}
