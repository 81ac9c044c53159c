use anchor_lang::prelude::*;
use bytemuck::{Pod, Zeroable};
use millrace_protocol::gpu::TIERS;
use millrace_protocol::{self as protocol, BasisPoints, MicroUsdc, Seconds};

/// What the admin may tune, inside hard bounds. Tiers are those of the protocol: no GPU, consumer,
/// workstation, data centre.
#[repr(C)]
#[derive(AnchorSerialize, AnchorDeserialize, Pod, Zeroable, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The least bond of a lease by tier, in micro-USDC.
    pub minimum_bond: [u64; TIERS],
    /// The least bond of a challenger, in micro-USDC.
    pub minimum_dispute_bond: u64,
    /// Seconds from lease to first voucher.
    pub start_timeout: u64,
    /// Longest silence of a running lease, in seconds.
    pub checkpoint_interval: u64,
    /// How long a node may hold a lease without a voucher, in seconds.
    pub hold_limit: u64,
    /// Seconds from the end of a lease, or a cancel, until anyone may settle it.
    pub settle_grace: u64,
    /// Seconds from the notice to a spot lease until it ends.
    pub preemption_notice: u64,
    /// Seconds the arbiter may take.
    pub decide_window: u64,
    /// Seconds from the last commitment of a quorum until everyone must have revealed.
    pub reveal_window: u64,
    /// Seconds from asking for stake back until it may leave.
    pub unbonding: u64,
    /// Seconds from naming another payout owner until it counts.
    pub payout_delay: u64,
    /// The least reputation that may take a lease by tier, in basis points.
    pub minimum_reputation_bps: [u16; TIERS],
    /// Below it anyone may delist a provider, in basis points.
    pub delist_floor_bps: u16,
    /// The network's share of every payment, in basis points; at most 1500.
    pub fee_bps: u16,
    /// A lease's bond covers this many hours at its price.
    pub bond_hours: u16,
    /// Share of the bond lost by a node that never starts, in basis points.
    pub abandon_penalty_bps: u16,
    /// Share of the bond lost by a node that falls silent, in basis points.
    pub lost_penalty_bps: u16,
    /// A challenger's bond as a share of the lease's cost, in basis points.
    pub dispute_bond_bps: u16,
    pub padding: [u8; 4],
}

impl From<protocol::Parameters> for Parameters {
    fn from(from: protocol::Parameters) -> Self {
        Self {
            minimum_bond: from.minimum_bond.map(|bond| bond.0),
            minimum_dispute_bond: from.minimum_dispute_bond.0,
            start_timeout: from.start_timeout.0,
            checkpoint_interval: from.checkpoint_interval.0,
            hold_limit: from.hold_limit.0,
            settle_grace: from.settle_grace.0,
            preemption_notice: from.preemption_notice.0,
            decide_window: from.decide_window.0,
            reveal_window: from.reveal_window.0,
            unbonding: from.unbonding.0,
            payout_delay: from.payout_delay.0,
            minimum_reputation_bps: from.minimum_reputation.map(|score| score.0),
            delist_floor_bps: from.delist_floor.0,
            fee_bps: from.fee.0,
            bond_hours: from.bond_hours,
            abandon_penalty_bps: from.abandon_penalty.0,
            lost_penalty_bps: from.lost_penalty.0,
            dispute_bond_bps: from.dispute_bond.0,
            padding: [0; 4],
        }
    }
}

impl From<Parameters> for protocol::Parameters {
    fn from(from: Parameters) -> Self {
        Self {
            fee: BasisPoints(from.fee_bps),
            bond_hours: from.bond_hours,
            minimum_bond: from.minimum_bond.map(MicroUsdc),
            minimum_reputation: from.minimum_reputation_bps.map(BasisPoints),
            delist_floor: BasisPoints(from.delist_floor_bps),
            start_timeout: Seconds(from.start_timeout),
            checkpoint_interval: Seconds(from.checkpoint_interval),
            hold_limit: Seconds(from.hold_limit),
            settle_grace: Seconds(from.settle_grace),
            preemption_notice: Seconds(from.preemption_notice),
            abandon_penalty: BasisPoints(from.abandon_penalty_bps),
            lost_penalty: BasisPoints(from.lost_penalty_bps),
            dispute_bond: BasisPoints(from.dispute_bond_bps),
            minimum_dispute_bond: MicroUsdc(from.minimum_dispute_bond),
            decide_window: Seconds(from.decide_window),
            reveal_window: Seconds(from.reveal_window),
            unbonding: Seconds(from.unbonding),
            payout_delay: Seconds(from.payout_delay),
        }
    }
}
