use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, Ruling};

use super::{build, create_associated_token_account_idempotent, dispute_parties, event_accounts};
use crate::accounts::{DisputeAccount, JobAccount, LeaseAccount};
use crate::address::{self, pubkey};

/// The arbiter's ruling. A bond that goes back goes to the challenger's associated token account, which
/// is made first where the challenger has closed it. Signers: `arbiter`, who pays for that.
pub fn resolve_dispute(
    arbiter: Address,
    job: &JobAccount,
    lease: &LeaseAccount,
    dispute: &DisputeAccount,
    ruling: Ruling,
) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::ResolveDispute {
        config: pubkey(address::config()),
        arbiter: pubkey(arbiter),
        parties: dispute_parties(job, lease, dispute),
        event_authority,
        program,
    };
    let args = millrace::ResolveDisputeArgs { ruling: ruling as u8 };
    let mut instructions = create_associated_token_account_idempotent(arbiter, dispute.challenger, job.mint);
    instructions.push(build(accounts, millrace::instruction::ResolveDispute { args }));
    instructions
}
