use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Stops new jobs, or takes them again; everything under way goes on. Signers: `admin`.
pub fn set_paused(admin: Address, paused: bool) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::SetPaused {
        admin: pubkey(admin),
        config: pubkey(address::config()),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::SetPaused { args: millrace::SetPausedArgs { paused } })]
}
