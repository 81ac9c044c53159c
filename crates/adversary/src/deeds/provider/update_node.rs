use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::seldom::Seldom;
use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct UpdateNode {
    node: u8,
    price: Seldom<u64>,
    spot_price: Option<u32>,
    service_level: u8,
    /// Another number of GPUs, and simulated ones.
    hardware: Option<(u8, bool)>,
}

impl UpdateNode {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let node = market.node(self.node, |_| true)?;
        let mut offer = market.chain.offer(&node);
        offer.price = self.price.0.unwrap_or(offer.price);
        offer.spot_price = self.spot_price.map_or(offer.spot_price, u64::from);
        offer.service_level = self.service_level % 4;
        if let Some((count, simulated)) = self.hardware {
            offer.hardware.gpu_count = count.into();
            offer.hardware.simulated = simulated.into();
        }
        Some(transaction(&market.chain.update_node(&node, offer)))
    }
}
