use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::accounts::NodeAccount;
use crate::address::pubkey;

/// Replaces a rig's key. What was attested of its hardware must be attested anew. Signers: `owner`, of its
/// provider, and `next`.
pub fn rotate_node_key(owner: Address, node: &NodeAccount, next: Address) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::RotateNodeKey {
        owner: pubkey(owner),
        provider: pubkey(node.provider),
        node_key: pubkey(next),
        node: pubkey(node.address),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::RotateNodeKey {})]
}
