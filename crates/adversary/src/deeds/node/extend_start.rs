use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct ExtendStart {
    lease: u8,
}

impl ExtendStart {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let lease = market.lease(self.lease, |lease, _| lease.state == 0)?;
        Some(transaction(&market.chain.extend_start(&lease)))
    }
}
