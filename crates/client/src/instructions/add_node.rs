use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, Hardware, PricePerGpuHour};

use super::{build, event_accounts, system_program};
use crate::address::{self, pubkey};

/// A rig to be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// The provider's owner; signs and pays the rent.
    pub owner: Address,
    /// The provider's `n_nodes`. Another value is refused, so that a repeated transaction adds nothing.
    pub index: u32,
    /// The rig's own key; signs too, so that nobody can register a rig that is another's.
    pub node_key: Address,
    pub hardware: Hardware,
    pub price: PricePerGpuHour,
}

/// Offers a rig at a posted price. Signers: `owner`, `node_key`.
pub fn add_node(node: NewNode) -> Vec<Instruction> {
    let provider = address::provider(node.owner);
    let (account, node_bump) = address::find_node(provider, node.index);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::AddNode {
        owner: pubkey(node.owner),
        provider: pubkey(provider),
        node_key: pubkey(node.node_key),
        node: pubkey(account),
        system_program: system_program(),
        event_authority,
        program,
    };
    let args = millrace::AddNodeArgs { hardware: node.hardware.into(), price: node.price.0, node_bump };
    vec![build(accounts, millrace::instruction::AddNode { args })]
}
