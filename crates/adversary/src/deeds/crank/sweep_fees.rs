use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct SweepFees {
    provider: u8,
}

impl SweepFees {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider, |provider| provider.earnings_fees > 0)?;
        Some(transaction(&market.chain.sweep_fees(&provider)))
    }
}
