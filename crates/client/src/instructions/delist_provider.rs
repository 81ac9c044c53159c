use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Anyone's crank for a provider whose reputation is below the floor. Signers: none.
pub fn delist_provider(provider: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::DelistProvider {
        config: pubkey(address::config()),
        provider: pubkey(provider),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::DelistProvider {})]
}
