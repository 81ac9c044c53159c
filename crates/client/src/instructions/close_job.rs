use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, create_associated_token_account_idempotent, event_accounts, token_program};
use crate::accounts::JobAccount;
use crate::address::{self, pubkey};

/// Anyone's crank for a job that is over: everything left goes to the funder's associated token
/// account, which is made first where the funder has closed it, or into the balance that the deposit
/// came from. Signers: `payer`, of that account.
pub fn close_job(payer: Address, job: &JobAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    if job.prepaid {
        let accounts = millrace::accounts::CloseJobPrepaid {
            job: pubkey(job.address),
            job_vault: pubkey(address::job_vault(job.address)),
            balance: pubkey(job.funder),
            buyer_vault: pubkey(address::buyer_vault(job.funder)),
            rent_payer: pubkey(job.rent_payer),
            token_program: token_program(),
            event_authority,
            program,
        };
        return vec![build(accounts, millrace::instruction::CloseJobPrepaid {})];
    }
    let accounts = millrace::accounts::CloseJob {
        job: pubkey(job.address),
        job_vault: pubkey(address::job_vault(job.address)),
        refund_account: pubkey(address::token_account(job.funder, job.mint)),
        rent_payer: pubkey(job.rent_payer),
        token_program: token_program(),
        event_authority,
        program,
    };
    let mut instructions = create_associated_token_account_idempotent(payer, job.funder, job.mint);
    instructions.push(build(accounts, millrace::instruction::CloseJob {}));
    instructions
}
