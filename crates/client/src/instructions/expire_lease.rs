use anchor_lang::solana_program::instruction::Instruction;

use super::{build, event_accounts, lease_parties};
use crate::accounts::{JobAccount, LeaseAccount};
use crate::address::pubkey;

/// Anyone's crank for a lease past its deadline. No signers of its own.
pub fn expire_lease(job: &JobAccount, lease: &LeaseAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::ExpireLease {
        parties: lease_parties(lease),
        node: pubkey(lease.node),
        quorum: job.open_quorum().map(pubkey),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::ExpireLease {})]
}
