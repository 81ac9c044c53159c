use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, Seconds};

use super::{build, event_accounts};
use crate::accounts::{LeaseAccount, NodeAccount};
use crate::address::{self, pubkey};

/// More time for a live lease, at its price and out of what is left of the deposit. Signers: `authority`, the
/// network's scheduler or the job's buyer, and the node's key.
pub fn extend_lease(authority: Address, node: &NodeAccount, lease: &LeaseAccount, more: Seconds) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::ExtendLease {
        config: pubkey(address::config()),
        authority: pubkey(authority),
        node_key: pubkey(node.node_key),
        job: pubkey(lease.job),
        lease: pubkey(lease.address),
        node: pubkey(lease.node),
        event_authority,
        program,
    };
    let args = millrace::ExtendLeaseArgs { more_seconds: more.0 };
    vec![build(accounts, millrace::instruction::ExtendLease { args })]
}
