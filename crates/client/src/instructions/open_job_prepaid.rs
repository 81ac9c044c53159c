use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, JobTerms};

use super::{build, event_accounts, system_program, token_program};
use crate::accounts::BuyerAccount;
use crate::address::{self, pubkey};

/// A job to be opened from a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPrepaidJob {
    /// The balance's owner, or a delegate with an allowance; signs and pays the rent.
    pub authority: Address,
    /// Any number that names none of the owner's live jobs.
    pub id: u64,
    /// SHA-256 of the canonical job file.
    pub spec_hash: [u8; 32],
    pub terms: JobTerms,
    /// Whose vouchers count; the network's scheduler where none is named.
    pub attestor: Option<Address>,
}

/// Opens a job of the balance's owner, with its deposit from the balance. Signers: `authority`.
pub fn open_job_prepaid(balance: &BuyerAccount, job: NewPrepaidJob) -> Vec<Instruction> {
    let (account, job_bump) = address::find_job(balance.owner, job.id);
    let (job_vault, job_vault_bump) = address::find_job_vault(account);
    let by_delegate = job.authority != balance.owner;
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::OpenJobPrepaid {
        config: pubkey(address::config()),
        authority: pubkey(job.authority),
        balance: pubkey(balance.address),
        buyer_vault: pubkey(address::buyer_vault(balance.address)),
        allowance: by_delegate.then(|| pubkey(address::allowance(balance.address, job.authority))),
        job: pubkey(account),
        mint: pubkey(balance.mint),
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
    vec![build(accounts, millrace::instruction::OpenJobPrepaid { args })]
}
