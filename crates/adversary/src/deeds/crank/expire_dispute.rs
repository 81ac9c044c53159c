use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct ExpireDispute {
    dispute: u8,
}

impl ExpireDispute {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let (lease, challenger) = market.dispute(self.dispute)?;
        Some(transaction(&market.chain.expire_dispute(&lease, &challenger)))
    }
}
