use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Names who opens leases; those under way keep their attestor. Signers: `admin`.
pub fn set_scheduler(admin: Address, scheduler: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::SetScheduler {
        admin: pubkey(admin),
        config: pubkey(address::config()),
        event_authority,
        program,
    };
    vec![build(
        accounts,
        millrace::instruction::SetScheduler { args: millrace::SetSchedulerArgs { scheduler: pubkey(scheduler) } },
    )]
}
