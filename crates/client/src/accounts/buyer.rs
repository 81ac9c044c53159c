use millrace_protocol::{Address, Buyer};

use super::{Account, AccountKind, DecodeError, read};
use crate::address::{self, address as plain};

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

impl BuyerAccount {
    /// The balance that [`open_buyer`](crate::instructions::open_buyer) makes: empty, its rent paid by the
    /// owner. For a first deposit in the same transaction.
    pub fn to_be_opened(owner: Address, mint: Address) -> Self {
        Self { address: address::buyer(owner), owner, mint, rent_payer: owner, buyer: Buyer::default() }
    }
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
