use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct SetPaused {
    paused: bool,
}

impl SetPaused {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        Some(transaction(&market.chain.set_paused(self.paused)))
    }
}
