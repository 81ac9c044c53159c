use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct SetArbiter {
    next: u8,
}

impl SetArbiter {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        Some(transaction(&market.chain.set_arbiter(market.person(self.next).address())))
    }
}
