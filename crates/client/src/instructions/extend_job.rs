use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::transitions::JobExtension;

use super::{build, event_accounts, token_program};
use crate::accounts::JobAccount;
use crate::address::{self, pubkey};

/// Adds money, longer leases or a longer wait to a job. Signers: its buyer and its funder; of a job of the
/// buyer's balance, the buyer.
pub fn extend_job(job: &JobAccount, extension: JobExtension) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let args = millrace::ExtendJobArgs {
        deposit: extension.deposit.0,
        lease_seconds: extension.lease_seconds.0,
        start_window: extension.start_window.0,
    };
    if job.prepaid {
        let accounts = millrace::accounts::ExtendJobPrepaid {
            owner: pubkey(job.buyer),
            balance: pubkey(job.funder),
            buyer_vault: pubkey(address::buyer_vault(job.funder)),
            job: pubkey(job.address),
            job_vault: pubkey(address::job_vault(job.address)),
            token_program: token_program(),
            event_authority,
            program,
        };
        return vec![build(accounts, millrace::instruction::ExtendJobPrepaid { args })];
    }
    let accounts = millrace::accounts::ExtendJob {
        buyer: pubkey(job.buyer),
        funder: pubkey(job.funder),
        funder_tokens: pubkey(address::token_account(job.funder, job.mint)),
        job: pubkey(job.address),
        job_vault: pubkey(address::job_vault(job.address)),
        token_program: token_program(),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::ExtendJob { args })]
}
