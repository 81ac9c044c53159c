//! Providers with one rig each.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use millrace_client::Keypair;
use millrace_protocol::{Address, Hardware, MicroUsdc, PricePerGpuHour, gpu, region};

use super::service::Service;

/// A provider and the rig it offers. The GPU is simulated; CPU cores are this machine's.
#[derive(Clone, Copy, Debug)]
pub struct Rig {
    pub provider_name: &'static str,
    /// Slug of a GPU model.
    pub gpu: &'static str,
    pub vram_mib: u32,
    pub price: PricePerGpuHour,
    pub region: &'static str,
    pub country: [u8; 2],
    pub stake: MicroUsdc,
}

impl Rig {
    /// What `node add` registers.
    ///
    /// # Panics
    /// For a model or region that does not exist: rigs are constants.
    pub fn hardware(&self) -> Hardware {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Hardware {
            gpu_class: gpu::class(self.gpu).expect("rigs are of known models"),
            gpu_count: 1,
            vram_mib: self.vram_mib,
            cpu_cores: u16::try_from(cores).unwrap_or(u16::MAX),
            memory_mib: 4_096,
            disk_mib: 20_480,
            region: region::region(self.region).expect("rigs are in known regions"),
            country: self.country,
            simulated: true,
        }
    }
}

/// A rig on stage: registered, staked, perhaps running.
pub struct Actor {
    pub rig: Rig,
    pub owner: Arc<Keypair>,
    pub provider: Address,
    pub node: Address,
    pub node_key: PathBuf,
    pub data_dir: PathBuf,
    pub worker: Option<Service>,
}
