use anchor_lang::solana_program::instruction::Instruction;
use millrace::types::NodeOffer;
use millrace_protocol::{Address, Hardware, PricePerGpuHour, ServiceLevel};

use super::add_node::Software;
use super::{build, event_accounts};
use crate::accounts::NodeAccount;
use crate::address::pubkey;

/// What a rig offers, and for how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub hardware: Hardware,
    pub software: Software,
    pub price: PricePerGpuHour,
    /// For preemptible leases; zero takes none.
    pub spot_price: PricePerGpuHour,
    /// The highest level the node answers for with its bond.
    pub service_level: ServiceLevel,
}

impl Offer {
    /// What the node offers at present.
    pub fn of(node: &NodeAccount) -> Self {
        Self {
            hardware: node.node.hardware,
            software: Software { driver: node.driver, cuda: node.cuda, capabilities: node.capabilities },
            price: node.node.price,
            spot_price: node.node.spot_price,
            service_level: node.node.service_level,
        }
    }
}

/// Changes what a rig offers. Another description of hardware or software ends its attestation; of hardware
/// it is refused while the rig is leased. Signers: `owner`, of its provider.
pub fn update_node(owner: Address, node: &NodeAccount, offer: Offer) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::UpdateNode {
        owner: pubkey(owner),
        provider: pubkey(node.provider),
        node: pubkey(node.address),
        event_authority,
        program,
    };
    let offer = NodeOffer {
        hardware: offer.hardware.into(),
        driver: offer.software.driver,
        cuda: offer.software.cuda,
        capabilities: offer.software.capabilities,
        price: offer.price.0,
        spot_price: offer.spot_price.0,
        service_level: offer.service_level as u8,
    };
    vec![build(accounts, millrace::instruction::UpdateNode { args: millrace::UpdateNodeArgs { offer } })]
}
