use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct DelistProvider {
    provider: u8,
}

impl DelistProvider {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider, |provider| provider.status != 2)?;
        Some(transaction(&market.chain.delist_provider(&provider)))
    }
}
