use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct CloseProvider {
    provider: u8,
}

impl CloseProvider {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider, |provider| provider.nodes == 0)?;
        Some(transaction(&market.chain.close_provider(&provider)))
    }
}
