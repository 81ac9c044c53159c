use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct AcceptLease {
    lease: u8,
}

impl AcceptLease {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let lease = market.lease(self.lease, |lease, job| lease.state == 2 && job.quorum_open == 0)?;
        Some(transaction(&market.chain.accept_lease(&lease)))
    }
}
