use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// The proposed key takes over from the admin. Signers: `next`.
pub fn accept_admin(next: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::AcceptAdmin {
        pending_admin: pubkey(next),
        config: pubkey(address::config()),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::AcceptAdmin {})]
}
