use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::accounts::NodeAccount;
use crate::address::pubkey;

/// Takes a rig without live leases off the market. Signers: `owner`, of its provider.
pub fn remove_node(owner: Address, node: &NodeAccount) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::RemoveNode {
        owner: pubkey(owner),
        provider: pubkey(node.provider),
        node: pubkey(node.address),
        rent_payer: pubkey(node.rent_payer),
        event_authority,
        program,
    };
    vec![build(accounts, millrace::instruction::RemoveNode {})]
}
