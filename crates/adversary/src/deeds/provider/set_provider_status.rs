use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct SetProviderStatus {
    provider: u8,
    draining: bool,
}

impl SetProviderStatus {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider, |_| true)?;
        Some(transaction(&market.chain.set_provider_status(&provider, self.draining)))
    }
}
