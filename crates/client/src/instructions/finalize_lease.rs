use anchor_lang::solana_program::instruction::Instruction;

use super::{build, event_accounts, lease_parties};
use crate::accounts::LeaseAccount;

/// Anyone's crank for a reported lease whose window for disputes is over. No signers of its own.
pub fn finalize_lease(lease: &LeaseAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::FinalizeLease { parties: lease_parties(lease), event_authority, program };
    vec![build(accounts, millrace::instruction::FinalizeLease {})]
}
