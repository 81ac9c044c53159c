use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct RemoveNode {
    node: u8,
}

impl RemoveNode {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let node = market.node(self.node, |node| node.leased == 0)?;
        Some(transaction(&market.chain.remove_node(&node)))
    }
}
