use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct CloseJobPrepaid {
    job: u8,
}

impl CloseJobPrepaid {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let job = market.job(self.job, |job| job.prepaid != 0 && job.state > 2)?;
        let balance = market.balance_behind(&job)?;
        Some(transaction(&market.chain.close_job_prepaid(&balance, &job)))
    }
}
