use anchor_lang::Discriminator;
use anchor_lang::event::EVENT_IX_TAG_LE;
use anchor_lang::prelude::AccountMeta;
use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::program::{self, instruction};

use crate::market::Market;

/// Where each instruction's data begins, and that of the event that the program sends to itself.
const BEGINNINGS: &[&[u8]] = &[
    instruction::Initialize::DISCRIMINATOR,
    instruction::RegisterProvider::DISCRIMINATOR,
    instruction::AddStake::DISCRIMINATOR,
    instruction::AddNode::DISCRIMINATOR,
    instruction::OpenJob::DISCRIMINATOR,
    instruction::OpenLease::DISCRIMINATOR,
    instruction::Settle::DISCRIMINATOR,
    instruction::CancelJob::DISCRIMINATOR,
    instruction::ExpireJob::DISCRIMINATOR,
    instruction::ExpireLease::DISCRIMINATOR,
    instruction::CloseJob::DISCRIMINATOR,
    EVENT_IX_TAG_LE,
    &[],
];

/// Bytes and accounts that nobody made sense of.
#[derive(Arbitrary, Clone, Debug)]
pub struct Raw {
    beginning: u8,
    data: Vec<u8>,
    accounts: Vec<(u8, bool, bool)>,
}

impl Raw {
    pub fn call(&self, market: &mut Market) -> Option<Vec<Instruction>> {
        let beginning = BEGINNINGS[usize::from(self.beginning) % BEGINNINGS.len()];
        let accounts = self.accounts.iter().take(24).map(|(which, is_signer, is_writable)| AccountMeta {
            pubkey: market.any_address(*which),
            is_signer: *is_signer,
            is_writable: *is_writable,
        });
        let accounts = accounts.collect();
        Some(vec![Instruction { program_id: program::ID, accounts, data: [beginning, self.data.as_slice()].concat() }])
    }
}
