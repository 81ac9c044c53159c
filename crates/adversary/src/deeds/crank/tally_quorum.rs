use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct TallyQuorum {
    job: u8,
}

impl TallyQuorum {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let job = market.job(self.job, |job| job.quorum_open != 0)?;
        Some(transaction(&market.chain.tally_quorum(&job)))
    }
}
