use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct CloseAllowance {
    allowance: u8,
}

impl CloseAllowance {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let (balance, delegate) = market.allowance(self.allowance)?;
        Some(transaction(&market.chain.close_allowance(&balance, &delegate)))
    }
}
