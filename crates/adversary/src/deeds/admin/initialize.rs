use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::parameters;

use crate::deeds::transaction;
use crate::market::Market;

/// Founds the network a second time.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Initialize;

impl Initialize {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        Some(transaction(&market.chain.initialize(parameters())))
    }
}
