use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts, system_program, token_program};
use crate::accounts::{JobAccount, LeaseAccount};
use crate::address::{self, pubkey};

/// Challenges a reported lease. The bond comes out of the challenger's associated token account.
/// Signers: `challenger`, the job's buyer or, where results are spot-checked, the network's scheduler.
pub fn open_dispute(
    challenger: Address,
    job: &JobAccount,
    lease: &LeaseAccount,
    evidence_hash: [u8; 32],
) -> Vec<Instruction> {
    let (dispute, dispute_bump) = address::find_dispute(lease.address);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::OpenDispute {
        config: pubkey(address::config()),
        challenger: pubkey(challenger),
        challenger_tokens: pubkey(address::token_account(challenger, job.mint)),
        job: pubkey(lease.job),
        job_vault: pubkey(address::job_vault(lease.job)),
        lease: pubkey(lease.address),
        dispute: pubkey(dispute),
        token_program: token_program(),
        system_program: system_program(),
        event_authority,
        program,
    };
    let args = millrace::OpenDisputeArgs { evidence_hash, dispute_bump };
    vec![build(accounts, millrace::instruction::OpenDispute { args })]
}
