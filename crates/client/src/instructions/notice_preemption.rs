use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::accounts::LeaseAccount;
use crate::address::{self, pubkey};

/// Notice to a spot lease: it is paid up to the end of the notice and ends then. Signers: `scheduler`.
pub fn notice_preemption(scheduler: Address, lease: &LeaseAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::NoticePreemption {
        config: pubkey(address::config()),
        scheduler: pubkey(scheduler),
        job: pubkey(lease.job),
        lease: pubkey(lease.address),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::NoticePreemption {})]
}
