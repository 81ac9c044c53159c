use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Anyone's crank for a delisted provider whose reputation is back at the floor. Signers: none.
pub fn relist_provider(provider: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::RelistProvider {
        config: pubkey(address::config()),
        provider: pubkey(provider),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::RelistProvider {})]
}
