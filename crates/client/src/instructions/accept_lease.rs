use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts, lease_parties};
use crate::accounts::LeaseAccount;
use crate::address::pubkey;

/// The buyer's word that nothing is to be disputed: a reported lease is settled as reported, at once.
/// Signers: `buyer`.
pub fn accept_lease(buyer: Address, lease: &LeaseAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::AcceptLease {
        buyer: pubkey(buyer),
        parties: lease_parties(lease),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::AcceptLease {})]
}
