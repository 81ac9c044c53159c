use anchor_lang::prelude::*;
use bytemuck::{Pod, Zeroable};
use millrace_protocol::{self as protocol, BasisPoints, MicroUsdc, Seconds};

/// What the admin may tune, inside hard bounds.
#[repr(C)]
#[derive(AnchorSerialize, AnchorDeserialize, Pod, Zeroable, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The least bond of a lease, in micro-USDC.
    pub minimum_bond: u64,
    /// Seconds from lease to first voucher.
    pub start_timeout: u64,
    /// Longest silence of a running lease, in seconds.
    pub checkpoint_interval: u64,
    /// Seconds from the end of a lease, or a cancel, until anyone may settle it.
    pub settle_grace: u64,
    /// The network's share of every payment, in basis points; at most 1500.
    pub fee_bps: u16,
    /// A lease's bond covers this many hours at its price.
    pub bond_hours: u16,
    /// Share of the bond lost by a node that never starts, in basis points.
    pub abandon_penalty_bps: u16,
    /// Share of the bond lost by a node that falls silent, in basis points.
    pub lost_penalty_bps: u16,
}

impl From<protocol::Parameters> for Parameters {
    fn from(from: protocol::Parameters) -> Self {
        Self {
            fee_bps: from.fee.0,
            bond_hours: from.bond_hours,
            minimum_bond: from.minimum_bond.0,
            start_timeout: from.start_timeout.0,
            checkpoint_interval: from.checkpoint_interval.0,
            settle_grace: from.settle_grace.0,
            abandon_penalty_bps: from.abandon_penalty.0,
            lost_penalty_bps: from.lost_penalty.0,
        }
    }
}

impl From<Parameters> for protocol::Parameters {
    fn from(from: Parameters) -> Self {
        Self {
            fee: BasisPoints(from.fee_bps),
            bond_hours: from.bond_hours,
            minimum_bond: MicroUsdc(from.minimum_bond),
            start_timeout: Seconds(from.start_timeout),
            checkpoint_interval: Seconds(from.checkpoint_interval),
            settle_grace: Seconds(from.settle_grace),
            abandon_penalty: BasisPoints(from.abandon_penalty_bps),
            lost_penalty: BasisPoints(from.lost_penalty_bps),
        }
    }
}
