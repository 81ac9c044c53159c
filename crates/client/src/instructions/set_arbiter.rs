use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Names who decides disputes, also those that are open. Signers: `admin`.
pub fn set_arbiter(admin: Address, arbiter: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::SetArbiter {
        admin: pubkey(admin),
        config: pubkey(address::config()),
        event_authority,
        program,
    };
    vec![build(
        accounts,
        millrace::instruction::SetArbiter { args: millrace::SetArbiterArgs { arbiter: pubkey(arbiter) } },
    )]
}
