use anchor_lang::prelude::*;
use bytemuck::{Pod, Zeroable};
use millrace_protocol as protocol;

/// What a rig has, in its owner's word.
#[repr(C)]
#[derive(AnchorSerialize, AnchorDeserialize, Pod, Zeroable, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Memory of one GPU in MiB.
    pub vram_mib: u32,
    pub memory_mib: u32,
    pub disk_mib: u32,
    /// Number of GPUs, 0 without any.
    pub gpu_count: u16,
    pub cpu_cores: u16,
    /// Index into the protocol's table of GPU classes; 0 without a GPU.
    pub gpu_class: u8,
    /// Index into the protocol's table of regions.
    pub region: u8,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: [u8; 2],
    /// Not 0: the GPUs do not exist; for demonstrations and tests only.
    pub simulated: u8,
    pub padding: [u8; 3],
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
            simulated: from.simulated.into(),
            padding: [0; 3],
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
            simulated: from.simulated != 0,
        }
    }
}
