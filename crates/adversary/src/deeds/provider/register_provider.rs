use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Debug)]
pub struct RegisterProvider {
    owner: u8,
    display_name: Option<String>,
}

impl RegisterProvider {
    pub fn call(&self, market: &Market) -> Option<Vec<Instruction>> {
        let name = self.display_name.as_deref().unwrap_or("Mill");
        Some(transaction(&market.chain.register_provider(market.person(self.owner), name)))
    }
}
