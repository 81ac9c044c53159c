use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::accounts::NodeAccount;
use crate::address::pubkey;

/// Drains a rig, or lets it take leases again. Signers: `owner`, of its provider.
pub fn set_node_status(owner: Address, node: &NodeAccount, draining: bool) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::SetNodeStatus {
        owner: pubkey(owner),
        provider: pubkey(node.provider),
        node: pubkey(node.address),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::SetNodeStatus { args: millrace::SetNodeStatusArgs { draining } })]
}
