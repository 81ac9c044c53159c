use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::hardware;
use millrace_testkit::protocol::{Hardware, PricePerGpuHour};

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct AddNode {
    provider: u8,
    key: u8,
    price: u64,
    gpu_class: u8,
    gpu_count: u16,
    vram_mib: u32,
    country: [u8; 2],
    simulated: bool,
    /// Only the price is unusual.
    plain: bool,
}

impl AddNode {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let provider = market.provider(self.provider, |_| true)?;
        let key = market.person(self.key).key.insecure_clone();
        let unusual = Hardware {
            gpu_class: self.gpu_class,
            gpu_count: self.gpu_count,
            vram_mib: self.vram_mib,
            country: self.country,
            simulated: self.simulated,
            ..hardware()
        };
        let hardware = if self.plain { hardware() } else { unusual };
        Some(transaction(&market.chain.add_node(&provider, &key, hardware, PricePerGpuHour(self.price))))
    }
}
