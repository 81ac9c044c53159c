use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::pubkey;

/// Anyone's count of a round whose members have revealed, or had the time to. No signers of its own.
pub fn tally_quorum(quorum: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::TallyQuorum { quorum: pubkey(quorum), event_authority, program };
    vec![build(accounts, millrace::instruction::TallyQuorum {})]
}
