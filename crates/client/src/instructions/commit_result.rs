use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;
use millrace_protocol::quorum::commitment_preimage;
use solana_sha256_hasher::hash;

use super::{build, event_accounts};
use crate::accounts::{JobAccount, LeaseAccount};
use crate::address::pubkey;

/// Binds a member of a round to `root` without showing it. Keep the salt: the root is revealed with it,
/// and until then it must not be guessed. Signers: `node_key`.
pub fn commit_result(
    node_key: Address,
    job: &JobAccount,
    lease: &LeaseAccount,
    root: [u8; 32],
    salt: [u8; 32],
) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::CommitResult {
        node_key: pubkey(node_key),
        node: pubkey(lease.node),
        lease: pubkey(lease.address),
        quorum: pubkey(job.round()),
        event_authority,
        program,
    };
    let commitment = hash(&commitment_preimage(lease.address, root, salt)).to_bytes();
    let args = millrace::CommitResultArgs { commitment };
    vec![build(accounts, millrace::instruction::CommitResult { args })]
}
