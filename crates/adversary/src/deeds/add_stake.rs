use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::MicroUsdc;

use super::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct AddStake {
    provider: u8,
    amount: u32,
    /// More than anybody has.
    absurd: bool,
}

impl AddStake {
    pub fn call(self, market: &mut Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider)?;
        let amount = if self.absurd { u64::MAX - u64::from(self.amount) } else { u64::from(self.amount) };
        Some(transaction(&market.chain.add_stake(&provider, MicroUsdc(amount))))
    }
}
