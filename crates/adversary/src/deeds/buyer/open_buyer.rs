use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::Environment;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct OpenBuyer {
    owner: u8,
}

impl OpenBuyer {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let balance = Environment::balance_of(market.person(self.owner));
        Some(transaction(&market.chain.open_buyer(&balance)))
    }
}
