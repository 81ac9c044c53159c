use anchor_lang::prelude::*;
use millrace_protocol::{self as protocol, GpuUnits, NodeStatus, PricePerGpuHour};

use crate::constants::{SPARE, VERSION};
use crate::types::Hardware;
use crate::MarketError;

/// A rig on the market. Seeds: `node`, provider, index.
#[account]
#[derive(InitSpace, Debug, PartialEq, Eq)]
pub struct Node {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    pub provider: Pubkey,
    /// Counts from 0 within the provider.
    pub index: u32,
    /// Hot key on the rig: accepts leases, cannot reach stake or earnings.
    pub node_key: Pubkey,
    pub hardware: Hardware,
    /// Posted price in micro-USDC per GPU-hour.
    pub price: u64,
    /// GPUs under lease.
    pub leased: u16,
    /// 0 active, 1 draining.
    pub status: u8,
    /// Unix seconds.
    pub added_at: u64,
    pub rent_payer: Pubkey,
    pub spare: [u8; SPARE],
}

impl Node {
    /// # Errors
    /// [`protocol::Error::InvariantBroken`] for a status that does not exist.
    pub fn rules(&self) -> std::result::Result<protocol::Node, protocol::Error> {
        Ok(protocol::Node {
            hardware: self.hardware.into(),
            price: PricePerGpuHour(self.price),
            leased: GpuUnits(self.leased),
            status: NodeStatus::try_from(self.status)?,
        })
    }

    /// # Errors
    /// Those of [`Self::invariant`].
    pub fn update(&mut self, node: &protocol::Node) -> Result<()> {
        self.leased = node.leased.0;
        self.status = node.status as u8;
        self.invariant()
    }

    /// # Errors
    /// [`MarketError::UnknownVersion`], [`MarketError::InvariantBroken`].
    pub fn invariant(&self) -> Result<()> {
        require_eq!(self.version, VERSION, MarketError::UnknownVersion);
        self.rules().and_then(|node| node.invariant()).map_err(|error| MarketError::from(error).into())
    }
}
