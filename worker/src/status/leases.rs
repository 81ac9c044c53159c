use millrace_agent::{Agent, Lease, LeasePhase};
use millrace_protocol::{Address, GpuUnits, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds, money};
use serde::{Deserialize, Serialize};

use crate::gpu::{Tally, Usage};

/// One lease that the rig has agreed to, and its money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseStatus {
    pub lease: Address,
    pub job: Address,
    /// `offered`, `held`, `ending`, `over` or `reported`.
    pub phase: String,
    /// By position in the inventory.
    pub gpus: Vec<u16>,
    pub price: PricePerGpuHour,
    pub units: GpuUnits,
    /// Most seconds it can be paid for, as agreed on.
    pub maximum: Seconds,
    pub accepted_at: UnixSeconds,
    /// Seconds that the attestor has signed for, by the last voucher.
    pub attested: Seconds,
    /// What these seconds cost, fee included.
    pub earned: MicroUsdc,
    /// The part that has been paid, as the chain was read last.
    pub redeemed: MicroUsdc,
    /// The part that only the voucher in the journal stands for.
    pub unredeemed: MicroUsdc,
    /// Sequence of the last voucher; `None` before the first.
    pub voucher: Option<u64>,
    /// `None` without GPUs, with simulated ones, and before two readings.
    #[serde(default)]
    pub gpu_usage: Option<Usage>,
}

/// Every lease, by address.
pub fn of(agent: &Agent, usages: &Tally) -> Vec<LeaseStatus> {
    agent.leases().map(|(address, lease)| one(address, lease, usages.usage(address))).collect()
}

fn one(address: Address, lease: &Lease, gpu_usage: Option<Usage>) -> LeaseStatus {
    let voucher = lease.voucher().map(|(voucher, _)| voucher);
    let attested = voucher.map_or(Seconds::ZERO, |voucher| voucher.metered);
    // What the chain refuses to compute it does not pay either.
    let earned = money::cost(lease.terms.price, lease.terms.units, attested).unwrap_or(MicroUsdc::ZERO);
    let redeemed = lease.on_chain().map_or(MicroUsdc::ZERO, |on_chain| on_chain.paid);
    LeaseStatus {
        lease: address,
        job: lease.terms.job,
        phase: phase(lease.phase()).to_owned(),
        gpus: lease.terms.gpus.clone(),
        price: lease.terms.price,
        units: lease.terms.units,
        maximum: lease.terms.maximum,
        accepted_at: lease.terms.accepted_at,
        attested,
        earned,
        redeemed,
        unredeemed: earned.saturating_minus(redeemed),
        voucher: voucher.map(|voucher| voucher.sequence),
        gpu_usage,
    }
}

fn phase(phase: LeasePhase) -> &'static str {
    match phase {
        LeasePhase::Offered => "offered",
        LeasePhase::Held => "held",
        LeasePhase::Ending => "ending",
        LeasePhase::Over => "over",
        LeasePhase::Reported { .. } => "reported",
    }
}
