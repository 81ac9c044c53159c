use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts, lease_parties};
use crate::accounts::LeaseAccount;
use crate::address::pubkey;

/// Anyone's crank that settles one member's lease by the count of its round. No signers of its own.
pub fn settle_member(lease: &LeaseAccount, quorum: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::SettleMember {
        parties: lease_parties(lease),
        quorum: pubkey(quorum),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::SettleMember {})]
}
