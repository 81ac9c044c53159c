use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, JobTerms};

use super::{build, event_accounts, system_program, token_program};
use crate::address::{self, pubkey};

/// A job to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// May cancel the job; signs.
    pub buyer: Address,
    /// Pays deposit and rent out of its associated token account; signs. Often the buyer itself.
    pub funder: Address,
    pub mint: Address,
    /// Any number that names none of the buyer's live jobs.
    pub id: u64,
    /// SHA-256 of the canonical job file.
    pub spec_hash: [u8; 32],
    pub terms: JobTerms,
    /// Whose vouchers count; the network's scheduler where none is named.
    pub attestor: Option<Address>,
}

/// Opens a job and moves its deposit into the job's own vault. Signers: `buyer`, `funder`.
pub fn open_job(job: NewJob) -> Vec<Instruction> {
    let (account, job_bump) = address::find_job(job.buyer, job.id);
    let (job_vault, job_vault_bump) = address::find_job_vault(account);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::OpenJob {
        config: pubkey(address::config()),
        buyer: pubkey(job.buyer),
        funder: pubkey(job.funder),
        funder_tokens: pubkey(address::token_account(job.funder, job.mint)),
        job: pubkey(account),
        mint: pubkey(job.mint),
        job_vault: pubkey(job_vault),
        token_program: token_program(),
        system_program: system_program(),
        event_authority,
        program,
    };
    let args = millrace::OpenJobArgs {
        id: job.id,
        spec_hash: job.spec_hash,
        terms: job.terms.into(),
        attestor: job.attestor.map(pubkey),
        job_bump,
        job_vault_bump,
    };
    vec![build(accounts, millrace::instruction::OpenJob { args })]
}
