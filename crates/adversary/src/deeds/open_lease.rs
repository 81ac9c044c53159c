use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use super::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct OpenLease {
    job: u8,
    node: u8,
    /// Sixteenths of the longest lease the job allows, from one up; more than sixteen is too long.
    part: u8,
    price: Option<u64>,
}

impl OpenLease {
    pub fn call(self, market: &mut Market) -> Option<Vec<Instruction>> {
        let (job, node) = (market.job(self.job)?, market.node(self.node)?);
        let mut call = market.chain.open_lease(&job, &node);
        let longest = call.data.args.maximum_seconds;
        call.data.args.maximum_seconds = longest.saturating_mul(u64::from(self.part % 18)) / 16;
        call.data.args.price = self.price.unwrap_or(call.data.args.price);
        Some(transaction(&call))
    }
}
