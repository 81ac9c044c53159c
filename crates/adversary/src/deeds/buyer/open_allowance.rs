use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use super::allowance_wish::AllowanceWish;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct OpenAllowance {
    balance: u8,
    delegate: u8,
    terms: AllowanceWish,
}

impl OpenAllowance {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let balance = market.balance(self.balance, |_| true)?;
        let terms = self.terms.of(market);
        Some(transaction(&market.chain.open_allowance(&balance, &market.person(self.delegate).key, terms)))
    }
}
