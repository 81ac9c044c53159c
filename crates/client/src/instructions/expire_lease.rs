use anchor_lang::solana_program::instruction::Instruction;

use super::{build, event_accounts, token_program};
use crate::accounts::LeaseAccount;
use crate::address::{self, pubkey};

/// Anyone's crank for a lease past its deadline. No signers of its own.
pub fn expire_lease(lease: &LeaseAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::ExpireLease {
        job: pubkey(lease.job),
        job_vault: pubkey(address::job_vault(lease.job)),
        lease: pubkey(lease.address),
        node: pubkey(lease.node),
        provider: pubkey(lease.provider),
        stake_vault: pubkey(address::stake_vault(lease.provider)),
        rent_payer: pubkey(lease.rent_payer),
        token_program: token_program(),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::ExpireLease {})]
}
