use anchor_lang::prelude::*;
use bytemuck::{Pod, Zeroable};
use millrace_protocol::{self as protocol, GpuUnits, MicroUsdc, PricePerGpuHour, Requirements, Seconds};

/// What a buyer asks for when opening a job.
#[repr(C)]
#[derive(AnchorSerialize, AnchorDeserialize, Pod, Zeroable, Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobTerms {
    /// Bit per GPU class; 0 accepts every class, also none.
    pub gpu_classes: u64,
    /// Highest price in micro-USDC per GPU-hour.
    pub maximum_price: u64,
    /// Longest lease in seconds.
    pub lease_seconds: u64,
    /// Seconds the job waits for a lease, at first and after each failed one.
    pub start_window: u64,
    /// All that the funder pays in, in micro-USDC.
    pub deposit: u64,
    /// Least memory of one GPU in MiB; 0 accepts any.
    pub vram_mib: u32,
    /// Bit per region; 0 accepts every region.
    pub regions: u32,
    /// GPUs per lease.
    pub units: u16,
    /// Leases at the same time, one node each.
    pub concurrent_leases: u16,
    /// How many leases may fail by their node's fault before the job ends.
    pub retries: u16,
    /// Nodes whose GPUs are simulated are taken only where this is not 0.
    pub accept_simulated: u8,
    pub padding: u8,
}

impl From<protocol::JobTerms> for JobTerms {
    fn from(from: protocol::JobTerms) -> Self {
        Self {
            gpu_classes: from.requirements.gpu_classes,
            vram_mib: from.requirements.vram_mib,
            units: from.requirements.units.0,
            regions: from.requirements.regions,
            accept_simulated: from.requirements.accept_simulated.into(),
            padding: 0,
            maximum_price: from.maximum_price.0,
            concurrent_leases: from.concurrent_leases,
            lease_seconds: from.lease_seconds.0,
            start_window: from.start_window.0,
            retries: from.retries,
            deposit: from.deposit.0,
        }
    }
}

impl From<JobTerms> for protocol::JobTerms {
    fn from(from: JobTerms) -> Self {
        Self {
            requirements: Requirements {
                gpu_classes: from.gpu_classes,
                vram_mib: from.vram_mib,
                units: GpuUnits(from.units),
                regions: from.regions,
                accept_simulated: from.accept_simulated != 0,
            },
            maximum_price: PricePerGpuHour(from.maximum_price),
            concurrent_leases: from.concurrent_leases,
            lease_seconds: Seconds(from.lease_seconds),
            start_window: Seconds(from.start_window),
            retries: from.retries,
            deposit: MicroUsdc(from.deposit),
        }
    }
}
