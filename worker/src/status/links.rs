use serde::{Deserialize, Serialize};

use crate::gpu::{Inventory, Path};

/// How two GPUs are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuLink {
    /// Positions in the inventory, the first one's before the other's.
    pub between: [u16; 2],
    /// NVLinks between the two, also those through an NVSwitch.
    pub nvlinks: u8,
    /// The way over PCIe; `None` where the driver does not tell it.
    pub path: Option<Path>,
}

/// Of whole GPUs that the rig sells: slices of MIG do not reach each other.
pub(crate) fn of(inventory: &Inventory) -> Vec<GpuLink> {
    let position = |uuid: &str| (0..).zip(&inventory.gpus).find(|(_, gpu)| gpu.uuid == uuid).map(|(at, _)| at);
    let link = |link: &crate::gpu::Link| {
        let between = [position(&link.between[0])?, position(&link.between[1])?];
        Some(GpuLink { between, nvlinks: link.nvlinks, path: link.path })
    };
    inventory.links.iter().filter_map(link).collect()
}
