use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

/// Somebody's purse, or any token account at all: a vault may be the treasury.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct SetTreasury {
    next: u8,
    purse: bool,
}

impl SetTreasury {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let next = if self.purse { market.any_purse(self.next) } else { market.any_tokens(self.next) };
        Some(transaction(&market.chain.set_treasury(next)))
    }
}
