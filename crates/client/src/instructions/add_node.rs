use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, Hardware, PricePerGpuHour, ServiceLevel};

use super::{build, event_accounts, system_program};
use crate::address::{self, pubkey};

/// What runs on a rig, in its owner's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Software {
    /// Driver version as major * 1000 + minor; 0 without a GPU.
    pub driver: u32,
    /// CUDA version as major * 1000 + minor; 0 without one.
    pub cuda: u32,
    /// Bit flags, such as a sandboxed runtime.
    pub capabilities: u32,
}

/// A rig to be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// The provider's owner; signs and pays the rent.
    pub owner: Address,
    /// The provider's `nodes_added`. Another value is refused, so that a repeated transaction adds nothing.
    pub index: u32,
    /// The rig's own key; signs too, so that nobody can register a rig that is another's.
    pub node_key: Address,
    pub hardware: Hardware,
    pub software: Software,
    pub price: PricePerGpuHour,
    /// For preemptible leases; zero takes none.
    pub spot_price: PricePerGpuHour,
    /// The highest level the node answers for with its bond.
    pub service_level: ServiceLevel,
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
    let args = millrace::AddNodeArgs {
        hardware: node.hardware.into(),
        driver: node.software.driver,
        cuda: node.software.cuda,
        capabilities: node.software.capabilities,
        price: node.price.0,
        spot_price: node.spot_price.0,
        service_level: node.service_level as u8,
        node_bump,
    };
    vec![build(accounts, millrace::instruction::AddNode { args })]
}
