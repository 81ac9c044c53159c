use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct RelistProvider {
    provider: u8,
}

impl RelistProvider {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider, |provider| provider.status == 2)?;
        Some(transaction(&market.chain.relist_provider(&provider)))
    }
}
