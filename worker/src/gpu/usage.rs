mod tally;

use serde::{Deserialize, Serialize};

pub use tally::Tally;

/// What one lease has made of its GPUs since this worker started, while it held them. A restart begins at zero.
///
/// NVML tells load and power of whole GPUs only, so of a MIG slice both are unknown.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Between two readings that were close enough together, summed over its GPUs: two GPUs for a second are 2000.
    pub measured_gpu_milliseconds: u64,
    /// Share of that time in which a program ran, rounded down; of the GPUs that tell it. `None` where none does.
    pub busy_percent: Option<u32>,
    /// What the GPUs that tell their power have drawn, each reading standing for the time before it. `None` where
    /// none tells.
    pub energy_millijoules: Option<u64>,
    /// The most that these drew together at one reading.
    pub peak_milliwatts: Option<u64>,
    /// GPUs whose power was not told for some of the time, by position in the inventory: it lacks in the energy.
    pub power_unknown: Vec<u16>,
}
