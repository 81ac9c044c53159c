use anchor_lang::solana_program::instruction::Instruction;

use super::{build, event_accounts};
use crate::accounts::QuorumAccount;
use crate::address::pubkey;

/// Anyone's crank for a round whose members are through, or that nobody joined. No signers of its own.
pub fn close_quorum(quorum: &QuorumAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::CloseQuorum {
        job: pubkey(quorum.job),
        quorum: pubkey(quorum.address),
        rent_payer: pubkey(quorum.rent_payer),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::CloseQuorum {})]
}
