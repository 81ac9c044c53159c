use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::seldom::Seldom;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct AcceptAdmin {
    /// Somebody who was not proposed.
    other: Seldom<u8>,
}

impl AcceptAdmin {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let next = self.other.0.map_or(market.config.pending_admin, |choice| market.person(choice).address());
        Some(transaction(&market.chain.accept_admin(&market.key(&next))))
    }
}
