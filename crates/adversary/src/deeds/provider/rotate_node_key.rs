use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;

use crate::deeds::transaction;
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct RotateNodeKey {
    node: u8,
    next: u8,
}

impl RotateNodeKey {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let node = market.node(self.node, |_| true)?;
        Some(transaction(&market.chain.rotate_node_key(&node, &market.person(self.next).key)))
    }
}
