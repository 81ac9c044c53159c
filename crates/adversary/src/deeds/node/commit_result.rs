use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::commitment;

use crate::deeds::{ROOTS, SALT, transaction};
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct CommitResult {
    lease: u8,
    root: u8,
}

impl CommitResult {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let lease = market.lease(self.lease, |_, job| job.quorum_open != 0)?;
        let hidden = commitment(&lease, [self.root % ROOTS; 32], SALT);
        Some(transaction(&market.chain.commit_result(&lease, hidden)))
    }
}
