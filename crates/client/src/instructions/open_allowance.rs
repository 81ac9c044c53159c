use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, MicroUsdc, UnixSeconds};

use super::{build, event_accounts, system_program};
use crate::address::{self, pubkey};

/// How much a delegate may put into jobs, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowanceTerms {
    /// Highest deposit of one job.
    pub per_job: MicroUsdc,
    /// Highest sum of all deposits; refunds do not restore it.
    pub total: MicroUsdc,
    pub expires_at: UnixSeconds,
}

impl From<AllowanceTerms> for millrace::types::AllowanceTerms {
    fn from(terms: AllowanceTerms) -> Self {
        Self { per_job: terms.per_job.0, total: terms.total.0, expires_at: terms.expires_at.0 }
    }
}

/// Lets `delegate` open jobs from the owner's balance. Signers: `owner`, who pays the rent.
pub fn open_allowance(owner: Address, delegate: Address, terms: AllowanceTerms) -> Vec<Instruction> {
    let balance = address::buyer(owner);
    let (allowance, allowance_bump) = address::find_allowance(balance, delegate);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::OpenAllowance {
        owner: pubkey(owner),
        balance: pubkey(balance),
        allowance: pubkey(allowance),
        system_program: system_program(),
        event_authority,
        program,
    };
    let args = millrace::OpenAllowanceArgs { delegate: pubkey(delegate), terms: terms.into(), allowance_bump };
    vec![build(accounts, millrace::instruction::OpenAllowance { args })]
}
