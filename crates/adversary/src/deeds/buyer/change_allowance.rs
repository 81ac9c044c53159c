use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use super::allowance_wish::AllowanceWish;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct ChangeAllowance {
    allowance: u8,
    terms: AllowanceWish,
}

impl ChangeAllowance {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let (balance, delegate) = market.allowance(self.allowance)?;
        Some(transaction(&market.chain.change_allowance(&balance, &delegate, self.terms.of(market))))
    }
}
