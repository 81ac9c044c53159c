use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::{HardwareAttestation, HardwareClass, UnixSeconds};

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct AttestNode {
    node: u8,
    class: u8,
    seconds: u32,
}

impl AttestNode {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let node = market.node(self.node, |_| true)?;
        let class = HardwareClass::try_from(self.class % 4).unwrap_or_default();
        let expires_at = UnixSeconds(market.chain.now().0 + u64::from(self.seconds));
        Some(transaction(&market.chain.attest_node(&node, HardwareAttestation { class, expires_at })))
    }
}
