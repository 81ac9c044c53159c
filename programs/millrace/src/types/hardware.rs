use anchor_lang::prelude::*;
use millrace_protocol as protocol;

/// What a rig has, in its owner's word.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Index into the protocol's table of GPU classes; 0 without a GPU.
    pub gpu_class: u8,
    /// Number of GPUs, 0 without any.
    pub gpu_count: u16,
    /// Memory of one GPU in MiB.
    pub vram_mib: u32,
    pub cpu_cores: u16,
    pub memory_mib: u32,
    pub disk_mib: u32,
    /// Index into the protocol's table of regions.
    pub region: u8,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: [u8; 2],
    /// The GPUs do not exist: for demonstrations and tests only.
    pub simulated: bool,
}

impl From<protocol::Hardware> for Hardware {
    fn from(from: protocol::Hardware) -> Self {
        Self {
            gpu_class: from.gpu_class,
            gpu_count: from.gpu_count,
            vram_mib: from.vram_mib,
            cpu_cores: from.cpu_cores,
            memory_mib: from.memory_mib,
            disk_mib: from.disk_mib,
            region: from.region,
            country: from.country,
            simulated: from.simulated,
        }
    }
}

impl From<Hardware> for protocol::Hardware {
    fn from(from: Hardware) -> Self {
        Self {
            gpu_class: from.gpu_class,
            gpu_count: from.gpu_count,
            vram_mib: from.vram_mib,
            cpu_cores: from.cpu_cores,
            memory_mib: from.memory_mib,
            disk_mib: from.disk_mib,
            region: from.region,
            country: from.country,
            simulated: from.simulated,
        }
    }
}
