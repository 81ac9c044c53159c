use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use super::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct CloseJob {
    job: u8,
}

impl CloseJob {
    pub fn call(self, market: &mut Market) -> Option<Vec<Instruction>> {
        let job = market.job(self.job)?;
        Some(transaction(&market.chain.close_job(&job)))
    }
}
