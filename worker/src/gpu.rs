//! The rig's GPUs: real ones through NVML, or simulated ones that say so everywhere.

pub(crate) mod bus;
mod health;
mod monitor;
pub(crate) mod nodes;
mod reading;
mod usage;

pub mod nvml;
pub mod simulated;

use millrace_protocol::gpu::CLASSES;
use serde::{Deserialize, Serialize};

pub use monitor::{Fault, Monitor};
pub use reading::{Memory, Reading, Sample};
pub use simulated::SimulatedGpu;
pub use usage::{Tally, Usage};

/// One GPU, or one slice of a GPU: what a job gets one of.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Gpu {
    /// NVML's UUID; empty for a simulated one.
    pub uuid: String,
    /// Slug of [`millrace_protocol::gpu::CLASSES`].
    pub model: String,
    pub vram_mib: u32,
    /// `None` for a whole GPU.
    pub slice: Option<Slice>,
    /// `None` for a simulated one.
    pub pcie: Option<Pcie>,
    /// Number of its device node, a slice's that of its whole GPU; `None` where nobody tells.
    pub minor: Option<u32>,
    /// It is not there, and keeps its place for the leases that have it.
    pub is_gone: bool,
}

impl Gpu {
    /// UUID of the GPU that is plugged in.
    pub fn board(&self) -> &str {
        self.slice.as_ref().map_or(&self.uuid, |slice| &slice.of)
    }
}

/// A GPU instance of NVIDIA's MIG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// UUID of the whole GPU.
    pub of: String,
    /// NVIDIA's name for its size, such as `1g.10gb`.
    pub profile: String,
}

/// Where a GPU is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcie {
    /// Domain, bus, device, function.
    pub address: String,
    /// The fastest that GPU and slot both can.
    pub generation: Option<u32>,
    /// Lanes; the most that GPU and slot both have.
    pub width: Option<u32>,
}

/// How two GPUs of a rig are connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// UUIDs of whole GPUs.
    pub between: [String; 2],
    /// NVLinks between the two, also those through an NVSwitch.
    pub nvlinks: u8,
    /// The way over PCIe, if the driver tells it.
    pub path: Option<Path>,
}

/// What data passes on its way from GPU to GPU over PCIe, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Path {
    /// Both are on one board.
    Board,
    Switch,
    Switches,
    HostBridge,
    /// Several host bridges of one NUMA node.
    Numa,
    /// The connection between processors.
    System,
}

/// What runs the GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Software {
    /// Version of NVIDIA's driver.
    pub driver: String,
    /// The newest CUDA it can run.
    pub cuda: String,
}

/// What a rig has.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Inventory {
    pub gpus: Vec<Gpu>,
    /// One line for each GPU that is there and cannot be used.
    pub unusable: Vec<String>,
    pub links: Vec<Link>,
    /// `None` without a driver.
    pub software: Option<Software>,
    /// They do not exist.
    pub simulated: bool,
    /// Why there are no GPUs, in one line.
    pub absence: Option<String>,
}

impl Inventory {
    /// Puts the GPUs in the order of `uuids`, any others behind them. One that is not there keeps its place, with the
    /// model and memory of `gone`: it is lost to whoever asks for it.
    pub(crate) fn keep_places(&mut self, uuids: &[String], gone: &Gpu) {
        let mut others = std::mem::take(&mut self.gpus);
        for uuid in uuids {
            let there = others.iter().position(|gpu| gpu.uuid == *uuid).map(|at| others.remove(at));
            self.gpus.push(there.unwrap_or_else(|| Gpu { uuid: uuid.clone(), is_gone: true, ..gone.clone() }));
        }
        self.gpus.append(&mut others);
    }

    /// One line for a log or a table.
    pub fn summary(&self) -> String {
        let marker = if self.simulated { " (simulated)" } else { "" };
        match (&self.absence, self.gpus.as_slice()) {
            (Some(absence), _) => absence.clone(),
            (None, []) => "no GPUs".to_owned(),
            (None, gpus) => {
                let name = |gpu: &Gpu| {
                    let gone = if gpu.is_gone { " (gone)" } else { "" };
                    match &gpu.slice {
                        Some(slice) => format!("{} {} {} MiB{gone}", gpu.model, slice.profile, gpu.vram_mib),
                        None => format!("{} {} MiB{gone}", gpu.model, gpu.vram_mib),
                    }
                };
                let names: Vec<String> = gpus.iter().map(name).collect();
                format!("{}{marker}", names.join(", "))
            }
        }
    }
}

/// The market's name for a product name such as `NVIDIA GeForce RTX 4090`; `other` for unknown ones.
pub fn model_of(product: &str) -> &'static str {
    let words: Vec<String> = product
        .to_lowercase()
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let has = |part: &str| words.iter().any(|word| word == part);
    // `A100-SXM4-80GB`, `H100 80GB HBM3`: form factor and memory are words of their own.
    let matches = |slug: &&&str| match **slug {
        "h100-sxm" => has("h100") && !has("pcie"),
        "other" | "none" => false,
        slug => slug.split('-').all(has),
    };
    let suffixed = |slug: &&str| -> usize { slug.split('-').count() };
    CLASSES.iter().filter(matches).max_by_key(|slug| suffixed(slug)).copied().unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_names_become_market_names() {
        for (product, model) in [
            ("NVIDIA GeForce RTX 4090", "rtx-4090"),
            ("NVIDIA GeForce RTX 3060", "rtx-3060"),
            ("NVIDIA A100-SXM4-80GB", "a100-80gb"),
            ("NVIDIA A100-PCIE-40GB", "a100-40gb"),
            ("NVIDIA H100 80GB HBM3", "h100-sxm"),
            ("NVIDIA H100 PCIe", "h100-pcie"),
            ("NVIDIA H200", "h200"),
            ("NVIDIA L40S", "l40s"),
            ("NVIDIA L4", "l4"),
            ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"),
            ("NVIDIA RTX A6000", "a6000"),
            ("Tesla T4", "t4"),
            ("Tesla V100-SXM2-16GB", "v100"),
            ("Matrox G200", "other"),
        ] {
            assert_eq!(model_of(product), model, "{product}");
        }
    }

    #[test]
    fn gpus_keep_the_places_that_leases_know_them_by() {
        let gpu = |uuid: &str| Gpu { uuid: uuid.into(), vram_mib: 1, ..Gpu::default() };
        let mut inventory = Inventory { gpus: ["d", "b", "a"].map(gpu).to_vec(), ..Inventory::default() };
        inventory.keep_places(&["a".into(), "c".into(), "b".into()], &Gpu { vram_mib: 2, ..Gpu::default() });
        let found = inventory.gpus.iter().map(|gpu| (gpu.uuid.as_str(), gpu.vram_mib, gpu.is_gone));
        assert_eq!(found.collect::<Vec<_>>(), [("a", 1, false), ("c", 2, true), ("b", 1, false), ("d", 1, false)]);
    }

    #[test]
    fn simulated_gpus_never_look_real() {
        let gpu: SimulatedGpu = "rtx-4090:24576".parse().unwrap();
        assert_eq!(simulated::inventory(&[gpu]).summary(), "rtx-4090 24576 MiB (simulated)");
    }
}
