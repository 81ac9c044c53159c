use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

/// To a person, or to an address that nobody can sign for.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct ChangePayout {
    provider: u8,
    next: u8,
    person: bool,
}

impl ChangePayout {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider, |_| true)?;
        let next = if self.person { market.person(self.next).address() } else { market.any_address(self.next) };
        Some(transaction(&market.chain.change_payout(&provider, next)))
    }
}
