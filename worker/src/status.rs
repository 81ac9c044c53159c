//! What a running worker says of itself, to its owner.

mod at_rest;
pub(crate) mod leases;
pub(crate) mod links;
pub(crate) mod tasks;
pub(crate) mod votes;

use std::path::PathBuf;

use millrace_protocol::{Address, MicroUsdc, UnixSeconds};
use serde::{Deserialize, Serialize};

pub use crate::gpu::{Path as GpuPath, Usage as GpuUsage};
pub use crate::troubles::Trouble;
pub use at_rest::AtRest;
pub use leases::LeaseStatus;
pub use links::GpuLink;
pub use millrace_agent::OwnBid;
pub use tasks::TaskStatus;
pub use votes::VoteStatus;

/// All of it, at one moment. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub node: Address,
    pub node_key: Address,
    /// When this was so, by the rig's clock.
    pub at: UnixSeconds,
    pub started_at: UnixSeconds,
    pub link: LinkStatus,
    /// Whether it takes no further lease, by its owner's word or because of what gives its GPUs to containers.
    pub draining: bool,
    /// Whether it drains by its owner's word, also where that alone would not be needed.
    #[serde(default)]
    pub told_to_drain: bool,
    /// What keeps it from taking any, whatever its owner says, until that is mended and the worker started again.
    #[serde(default)]
    pub unfit: Vec<Unfit>,
    /// By position in the inventory.
    pub gpus: Vec<GpuStatus>,
    /// Between whole GPUs, each pair once; what a driver does not tell is left out.
    #[serde(default)]
    pub gpu_links: Vec<GpuLink>,
    pub leases: Vec<LeaseStatus>,
    /// What it has still to commit to, or to show.
    #[serde(default)]
    pub votes: Vec<VoteStatus>,
    /// Those of the leases above.
    pub tasks: Vec<TaskStatus>,
    pub storage: StorageStatus,
    /// What it has bid in auctions, oldest first; some hundreds are remembered.
    #[serde(default)]
    pub bids: Vec<OwnBid>,
    pub totals: Totals,
    /// What went wrong last, oldest first.
    pub troubles: Vec<Trouble>,
}

/// Something of the rig that must be mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfit {
    pub code: String,
    pub cause: String,
    /// What mends it.
    pub hint: String,
}

/// The connection to the orchestrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    pub orchestrator: String,
    pub connected: bool,
    /// Since when it is connected, or is not.
    pub since: UnixSeconds,
}

/// One GPU or slice of a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuStatus {
    /// NVML's; empty for a simulated one.
    pub uuid: String,
    pub model: String,
    pub vram_mib: u32,
    /// NVIDIA's name of a MIG slice's size.
    pub slice: Option<String>,
    pub simulated: bool,
    /// The lease that has it.
    pub lease: Option<Address>,
    /// Why the rig takes no further lease.
    pub fault: Option<String>,
    /// Share of the last moments in which a program ran on it; `None` where nobody tells.
    pub busy_percent: Option<u32>,
    pub memory_used_mib: Option<u64>,
    pub milliwatts: Option<u32>,
    pub celsius: Option<u32>,
}

/// The data folder and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageStatus {
    pub data_dir: PathBuf,
    /// On the folder's file system.
    pub free_bytes: u64,
    /// What no job gets of them.
    pub reserve_bytes: u64,
    /// Inputs that are kept between tasks, and the most they may be.
    pub input_cache_bytes: u64,
    pub input_cache_limit_bytes: u64,
    /// Images that the worker has pulled and keeps between tasks, and the most they may be. Layers that images
    /// share count for each.
    pub images_kept: u64,
    pub image_cache_bytes: u64,
    pub image_cache_limit_bytes: u64,
}

/// Counted since the worker started.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    pub connections: u64,
    pub offers_accepted: u64,
    pub offers_refused: u64,
    pub tasks_done: u64,
    /// Whoever is to blame; a task that was taken back has not failed.
    pub tasks_failed: u64,
    pub leases_closed: u64,
    /// What closed leases earned, fee included.
    pub earned: MicroUsdc,
}
