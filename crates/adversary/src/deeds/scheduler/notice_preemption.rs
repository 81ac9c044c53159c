use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct NoticePreemption {
    lease: u8,
}

impl NoticePreemption {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let lease = market.lease(self.lease, |lease, job| lease.state < 2 && job.terms.spot != 0)?;
        Some(transaction(&market.chain.notice_preemption(&lease)))
    }
}
