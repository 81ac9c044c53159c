use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::accounts::LeaseAccount;
use crate::address::pubkey;

/// The node's word that it works on although no voucher comes: moves the checkpoint on, up to the hold limit.
/// Signers: `node_key`.
pub fn hold_lease(node_key: Address, lease: &LeaseAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::HoldLease {
        node_key: pubkey(node_key),
        node: pubkey(lease.node),
        lease: pubkey(lease.address),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::HoldLease {})]
}
