use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

/// By the buyer, or by anybody else: the scheduler may, where results are spot-checked.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct OpenDispute {
    lease: u8,
    challenger: Option<u8>,
}

impl OpenDispute {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let lease = market.lease(self.lease, |lease, job| lease.state == 2 && job.quorum_open == 0)?;
        let challenger = match self.challenger {
            None => lease.job.buyer.clone(),
            Some(choice) if choice < 128 => market.wallet_of(&market.config.scheduler),
            Some(choice) => market.person(choice).clone(),
        };
        Some(transaction(&market.chain.open_dispute(&lease, &challenger)))
    }
}
