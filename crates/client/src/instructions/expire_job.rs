use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::pubkey;

/// Anyone's crank for an open job past its start deadline. No signers of its own.
pub fn expire_job(job: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::ExpireJob { job: pubkey(job), event_authority, program };
    vec![build(accounts, millrace::instruction::ExpireJob {})]
}
