use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, create_associated_token_account_idempotent, dispute_parties, event_accounts};
use crate::accounts::{DisputeAccount, JobAccount, LeaseAccount};

/// Anyone's crank for a dispute that the arbiter left alone. The bond goes back to the challenger's
/// associated token account, which is made first where the challenger has closed it. Signers: `payer`,
/// of that account.
pub fn expire_dispute(
    payer: Address,
    job: &JobAccount,
    lease: &LeaseAccount,
    dispute: &DisputeAccount,
) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts =
        millrace::accounts::ExpireDispute { parties: dispute_parties(job, lease, dispute), event_authority, program };
    let mut instructions = create_associated_token_account_idempotent(payer, dispute.challenger, job.mint);
    instructions.push(build(accounts, millrace::instruction::ExpireDispute {}));
    instructions
}
