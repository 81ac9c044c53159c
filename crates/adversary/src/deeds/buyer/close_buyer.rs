use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct CloseBuyer {
    balance: u8,
}

impl CloseBuyer {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let balance = market.balance(self.balance, |balance| balance.balance == 0)?;
        Some(transaction(&market.chain.close_buyer(&balance)))
    }
}
