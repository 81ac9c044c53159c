use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::accounts::{JobAccount, LeaseAccount};
use crate::address::pubkey;

/// Shows the root that a member of a round has committed to with this salt. Signers: `node_key`.
pub fn reveal_result(
    node_key: Address,
    job: &JobAccount,
    lease: &LeaseAccount,
    root: [u8; 32],
    salt: [u8; 32],
) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::RevealResult {
        node_key: pubkey(node_key),
        node: pubkey(lease.node),
        lease: pubkey(lease.address),
        quorum: pubkey(job.round()),
        event_authority,
        program,
    };
    let args = millrace::RevealResultArgs { root, salt };
    vec![build(accounts, millrace::instruction::RevealResult { args })]
}
