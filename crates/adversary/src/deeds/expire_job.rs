use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use super::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct ExpireJob {
    job: u8,
}

impl ExpireJob {
    pub fn call(self, market: &mut Market) -> Option<Vec<Instruction>> {
        let job = market.job(self.job)?;
        Some(transaction(&market.chain.expire_job(&job)))
    }
}
