use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::pubkey;

/// The buyer's cancel. Signers: `buyer`.
pub fn cancel_job(buyer: Address, job: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::CancelJob { buyer: pubkey(buyer), job: pubkey(job), event_authority, program };
    vec![build(accounts, millrace::instruction::CancelJob {})]
}
