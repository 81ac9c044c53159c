use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::Ruling;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct ResolveDispute {
    dispute: u8,
    ruling: u8,
}

impl ResolveDispute {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let (lease, challenger) = market.dispute(self.dispute)?;
        let mut call = market.chain.resolve_dispute(&lease, &challenger, Ruling::Split);
        // Of four rulings one does not exist.
        call.data.args.ruling = self.ruling % 4;
        Some(transaction(&call))
    }
}
