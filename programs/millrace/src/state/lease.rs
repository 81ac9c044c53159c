use anchor_lang::prelude::*;
use millrace_protocol::{
    self as protocol, BasisPoints, GpuUnits, LeaseOutcome, LeaseState, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds,
};

use super::check_version;
use crate::constants::SPARE;
use crate::MarketError;

/// Metered time on one node for one job; gone when it is settled.
/// Seeds: `lease`, job, the job's opening slot, number.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Lease {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    /// 0 assigned, 1 running, 2 reported, 3 disputed.
    pub state: u8,
    /// What the final voucher said, by the protocol's numbers; counts once the lease is reported.
    pub reported: u8,
    /// Counts from 0 within the job.
    pub number: u32,
    pub job: Pubkey,
    pub node: Pubkey,
    pub provider: Pubkey,
    /// Whose vouchers count: the job's own attestor, or the network's scheduler when the lease was opened.
    pub attestor: Pubkey,
    /// Whoever opened the lease; gets the rent back.
    pub rent_payer: Pubkey,
    /// Merkle root over the outputs; zeros before the final voucher.
    pub result_root: [u8; 32],
    /// Root of all bids, where the price is one of an auction; zeros otherwise.
    pub bid_book_root: [u8; 32],
    /// Micro-USDC per GPU-hour.
    pub price: u64,
    /// Unix seconds.
    pub opened_at: u64,
    /// Most seconds it can be paid for.
    pub maximum_seconds: u64,
    /// Still held of the job's deposit, in micro-USDC.
    pub reserved: u64,
    /// Paid so far, fees included, in micro-USDC.
    pub paid: u64,
    /// The network's part of what was paid, in micro-USDC.
    pub fees: u64,
    /// Locked of the provider's stake, in micro-USDC.
    pub bond: u64,
    /// Sequence of the last redeemed voucher; 0 before the first.
    pub sequence: u64,
    /// Attested running seconds.
    pub metered_seconds: u64,
    /// Attested seconds in which the node should have run and did not.
    pub downtime_seconds: u64,
    /// Deadline of the first voucher; Unix seconds.
    pub start_by: u64,
    /// When the last voucher was redeemed; Unix seconds, zero until the first.
    pub attested_at: u64,
    /// Deadline of the next voucher or hold; Unix seconds, zero until the first voucher.
    pub checkpoint_by: u64,
    /// Unix seconds.
    pub ends_by: u64,
    /// When a spot lease ends after notice; Unix seconds, zero without one.
    pub preempted_at: u64,
    /// Until when a reported lease may be disputed; Unix seconds, zero before.
    pub disputable_until: u64,
    /// Seconds. With the next six, the parameters the lease was opened under.
    pub start_timeout: u64,
    /// Seconds.
    pub checkpoint_interval: u64,
    /// Seconds.
    pub hold_limit: u64,
    /// Seconds.
    pub settle_grace: u64,
    pub fee_bps: u16,
    pub abandon_penalty_bps: u16,
    pub lost_penalty_bps: u16,
    /// GPUs leased.
    pub units: u16,
    /// Not 0: the node has taken its one extension of the start.
    pub start_extended: u8,
    /// Not 0: the first voucher came at `start_by` or later.
    pub started_late: u8,
    pub padding: [u8; 6],
    pub spare: [u8; SPARE],
}

impl Lease {
    /// # Errors
    /// [`MarketError::UnknownVersion`]; [`MarketError::InvariantBroken`] for a state that does not exist.
    pub fn rules(&self) -> std::result::Result<protocol::Lease, MarketError> {
        check_version(self.version)?;
        Ok(protocol::Lease {
            state: LeaseState::try_from(self.state)?,
            price: PricePerGpuHour(self.price),
            units: GpuUnits(self.units),
            opened_at: UnixSeconds(self.opened_at),
            maximum: Seconds(self.maximum_seconds),
            reserved: MicroUsdc(self.reserved),
            paid: MicroUsdc(self.paid),
            fees: MicroUsdc(self.fees),
            bond: MicroUsdc(self.bond),
            sequence: self.sequence,
            metered: Seconds(self.metered_seconds),
            downtime: Seconds(self.downtime_seconds),
            start_by: UnixSeconds(self.start_by),
            start_extended: self.start_extended != 0,
            started_late: self.started_late != 0,
            attested_at: UnixSeconds(self.attested_at),
            checkpoint_by: UnixSeconds(self.checkpoint_by),
            ends_by: UnixSeconds(self.ends_by),
            preempted_at: UnixSeconds(self.preempted_at),
            reported: LeaseOutcome::try_from(self.reported)?,
            disputable_until: UnixSeconds(self.disputable_until),
            fee: BasisPoints(self.fee_bps),
            abandon_penalty: BasisPoints(self.abandon_penalty_bps),
            lost_penalty: BasisPoints(self.lost_penalty_bps),
            start_timeout: Seconds(self.start_timeout),
            checkpoint_interval: Seconds(self.checkpoint_interval),
            hold_limit: Seconds(self.hold_limit),
            settle_grace: Seconds(self.settle_grace),
        })
    }

    /// # Errors
    /// [`MarketError::InvariantBroken`].
    pub fn update(&mut self, lease: &protocol::Lease) -> Result<()> {
        self.state = lease.state as u8;
        self.reported = lease.reported as u8;
        self.price = lease.price.0;
        self.units = lease.units.0;
        self.opened_at = lease.opened_at.0;
        self.maximum_seconds = lease.maximum.0;
        self.reserved = lease.reserved.0;
        self.paid = lease.paid.0;
        self.fees = lease.fees.0;
        self.bond = lease.bond.0;
        self.sequence = lease.sequence;
        self.metered_seconds = lease.metered.0;
        self.downtime_seconds = lease.downtime.0;
        self.start_by = lease.start_by.0;
        self.start_extended = lease.start_extended.into();
        self.started_late = lease.started_late.into();
        self.attested_at = lease.attested_at.0;
        self.checkpoint_by = lease.checkpoint_by.0;
        self.ends_by = lease.ends_by.0;
        self.preempted_at = lease.preempted_at.0;
        self.disputable_until = lease.disputable_until.0;
        self.fee_bps = lease.fee.0;
        self.abandon_penalty_bps = lease.abandon_penalty.0;
        self.lost_penalty_bps = lease.lost_penalty.0;
        self.start_timeout = lease.start_timeout.0;
        self.checkpoint_interval = lease.checkpoint_interval.0;
        self.hold_limit = lease.hold_limit.0;
        self.settle_grace = lease.settle_grace.0;
        Ok(lease.invariant().map_err(MarketError::from)?)
    }
}
