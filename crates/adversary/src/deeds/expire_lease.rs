use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use super::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct ExpireLease {
    lease: u8,
}

impl ExpireLease {
    pub fn call(self, market: &mut Market) -> Option<Vec<Instruction>> {
        let lease = market.lease(self.lease)?;
        Some(transaction(&market.chain.expire_lease(&lease)))
    }
}
