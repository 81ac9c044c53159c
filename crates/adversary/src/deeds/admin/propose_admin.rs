use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct ProposeAdmin {
    next: Option<u8>,
}

impl ProposeAdmin {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let next = self.next.map(|choice| market.person(choice).address()).unwrap_or_default();
        Some(transaction(&market.chain.propose_admin(next)))
    }
}
