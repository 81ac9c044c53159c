use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct CloseJob {
    job: u8,
}

impl CloseJob {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let job = market.job(self.job, |job| job.prepaid == 0 && job.state > 2)?;
        let mut call = market.chain.close_job(&job);
        call.accounts.rent_payer = market.ledger.jobs[&job.address].rent_payer;
        Some(transaction(&call))
    }
}
