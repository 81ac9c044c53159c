use anchor_lang::prelude::*;
use millrace_protocol::{self as protocol, GpuUnits, NodeStatus, PricePerGpuHour};

use super::check_version;
use crate::constants::SPARE;
use crate::types::Hardware;
use crate::MarketError;

/// A rig on the market. Seeds: `node`, provider, index.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Node {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    /// 0 active, 1 draining.
    pub status: u8,
    pub padding: u8,
    /// Counts from 0 within the provider.
    pub index: u32,
    pub provider: Pubkey,
    /// Hot key on the rig: accepts leases, cannot reach stake or earnings.
    pub node_key: Pubkey,
    pub rent_payer: Pubkey,
    pub hardware: Hardware,
    /// Posted price in micro-USDC per GPU-hour.
    pub price: u64,
    /// Unix seconds.
    pub added_at: u64,
    /// GPUs under lease.
    pub leased: u16,
    pub padding_end: [u8; 6],
    pub spare: [u8; SPARE],
}

impl Node {
    /// # Errors
    /// [`MarketError::UnknownVersion`]; [`MarketError::InvariantBroken`] for a status that does not exist.
    pub fn rules(&self) -> std::result::Result<protocol::Node, MarketError> {
        check_version(self.version)?;
        Ok(protocol::Node {
            hardware: self.hardware.into(),
            price: PricePerGpuHour(self.price),
            leased: GpuUnits(self.leased),
            status: NodeStatus::try_from(self.status)?,
        })
    }

    /// # Errors
    /// [`MarketError::InvariantBroken`].
    pub fn update(&mut self, node: &protocol::Node) -> Result<()> {
        self.leased = node.leased.0;
        self.status = node.status as u8;
        self.invariant()
    }

    /// # Errors
    /// [`MarketError::UnknownVersion`], [`MarketError::InvariantBroken`].
    pub fn invariant(&self) -> Result<()> {
        Ok(self.rules()?.invariant().map_err(MarketError::from)?)
    }
}
