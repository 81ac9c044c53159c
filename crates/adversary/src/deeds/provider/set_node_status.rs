use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct SetNodeStatus {
    node: u8,
    draining: bool,
}

impl SetNodeStatus {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let node = market.node(self.node, |_| true)?;
        Some(transaction(&market.chain.set_node_status(&node, self.draining)))
    }
}
