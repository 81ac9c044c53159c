use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use super::extension::Extension;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct ExtendJob {
    job: u8,
    extension: Extension,
}

impl ExtendJob {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let job = market.job(self.job, |job| job.prepaid == 0 && job.state < 2)?;
        Some(transaction(&market.chain.extend_job(&job, self.extension.args())))
    }
}
