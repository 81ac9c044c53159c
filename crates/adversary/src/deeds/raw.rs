use anchor_lang::event::EVENT_IX_TAG_LE;
use anchor_lang::prelude::AccountMeta;
use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::program;

use super::INSTRUCTIONS;
use crate::market::Market;

/// Bytes and accounts that nobody made sense of.
#[derive(Arbitrary, Clone, Debug)]
pub struct Raw {
    beginning: u8,
    data: Vec<u8>,
    accounts: Vec<(u8, bool, bool)>,
}

impl Raw {
    pub fn call(&self, market: &Market) -> Option<Vec<Instruction>> {
        // Of an instruction, of the event that the program sends to itself, or of nothing.
        let beginning = match usize::from(self.beginning) {
            254 => EVENT_IX_TAG_LE,
            255 => &[],
            choice => INSTRUCTIONS[choice % INSTRUCTIONS.len()].1,
        };
        let accounts = self.accounts.iter().take(24).map(|(which, is_signer, is_writable)| AccountMeta {
            pubkey: market.any_address(*which),
            is_signer: *is_signer,
            is_writable: *is_writable,
        });
        let accounts = accounts.collect();
        Some(vec![Instruction { program_id: program::ID, accounts, data: [beginning, self.data.as_slice()].concat() }])
    }
}
