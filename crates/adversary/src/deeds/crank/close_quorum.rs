use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct CloseQuorum {
    job: u8,
}

impl CloseQuorum {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let job = market.job(self.job, |job| job.quorum_open != 0)?;
        let mut call = market.chain.close_quorum(&job);
        let round = market.ledger.quorums.get(&call.accounts.quorum);
        call.accounts.rent_payer = round.map_or(call.accounts.rent_payer, |round| round.rent_payer);
        Some(transaction(&call))
    }
}
