use anchor_lang::prelude::*;

use super::Hardware;
use crate::state::Node;

/// What a node offers, and for how much; all that its owner may change about it.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeOffer {
    pub hardware: Hardware,
    /// Driver version as major * 1000 + minor; 0 without a GPU.
    pub driver: u32,
    /// CUDA version as major * 1000 + minor; 0 without one.
    pub cuda: u32,
    /// Bit flags in the provider's word.
    pub capabilities: u32,
    /// Micro-USDC per GPU-hour.
    pub price: u64,
    /// Price of preemptible leases; 0 takes none.
    pub spot_price: u64,
    /// The highest service level the node answers for: 0 none, 1 silver, 2 gold.
    pub service_level: u8,
}

impl NodeOffer {
    pub fn of(node: &Node) -> Self {
        Self {
            hardware: node.hardware,
            driver: node.driver,
            cuda: node.cuda,
            capabilities: node.capabilities,
            price: node.price,
            spot_price: node.spot_price,
            service_level: node.service_level,
        }
    }
}
