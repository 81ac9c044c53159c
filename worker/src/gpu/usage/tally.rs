use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use millrace_protocol::Address;

use super::Usage;
use crate::gpu::monitor::LOOK;
use crate::gpu::{Gpu, Reading};

/// A reading says nothing of what was longer ago: of a GPU that could not be read meanwhile, or a rig that slept.
const LONGEST_GAP: Duration = LOOK.saturating_mul(3);

/// Counts, from looks at all GPUs, what each lease makes of its own since this worker started. It looks at nothing
/// itself, and knows no time but that of the looks.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Positions of MIG slices.
    slices: BTreeSet<u16>,
    last: Option<Instant>,
    leases: BTreeMap<Address, Counted>,
}

/// Of one lease. Time is summed over its GPUs.
#[derive(Clone, Debug, Default)]
struct Counted {
    /// When each of its GPUs was read last.
    read_at: BTreeMap<u16, Instant>,
    measured_milliseconds: u64,
    /// The part in which the load was told.
    load_told_milliseconds: u64,
    /// Each part of that time multiplied by its load.
    busy_percent_milliseconds: u64,
    power_is_told: bool,
    /// Milliwatts times milliseconds.
    microjoules: u64,
    peak_milliwatts: u64,
    power_unknown: BTreeSet<u16>,
}

impl Tally {
    /// Of a rig with these GPUs.
    pub fn of(gpus: &[Gpu]) -> Self {
        let slices = (0..).zip(gpus).filter(|(_, gpu)| gpu.slice.is_some());
        Self { slices: slices.map(|(position, _)| position).collect(), ..Self::default() }
    }

    /// Takes the look of the moment `at`, by position in the inventory, and which GPUs each lease held then. A look
    /// that was taken already counts no second time.
    pub fn take<'a>(
        &mut self,
        at: Instant,
        readings: &BTreeMap<u16, Reading>,
        holders: impl IntoIterator<Item = (Address, &'a [u16])>,
    ) {
        if self.last.is_some_and(|last| last >= at) {
            return;
        }
        self.last = Some(at);
        let readings = readings.iter().map(|(gpu, reading)| (*gpu, self.own(*gpu, *reading))).collect();
        for (lease, gpus) in holders.into_iter().filter(|(_, gpus)| !gpus.is_empty()) {
            self.leases.entry(lease).or_default().take(at, &readings, gpus);
        }
    }

    /// Leases on slices of one GPU must not each be told of all that it does.
    fn own(&self, gpu: u16, reading: Reading) -> Reading {
        match self.slices.contains(&gpu) {
            true => Reading { memory: reading.memory, ..Reading::default() },
            false => reading,
        }
    }

    /// `None` before anything was measured.
    pub fn usage(&self, lease: Address) -> Option<Usage> {
        self.leases.get(&lease).filter(|counted| counted.measured_milliseconds > 0).map(Counted::usage)
    }

    /// Of a lease that is closed nobody asks any more.
    pub fn forget(&mut self, lease: Address) {
        self.leases.remove(&lease);
    }
}

impl Counted {
    fn take(&mut self, at: Instant, readings: &BTreeMap<u16, Reading>, gpus: &[u16]) {
        let mut together: Option<u64> = None;
        for (gpu, reading) in gpus.iter().filter_map(|gpu| Some((*gpu, readings.get(gpu)?))) {
            // The first reading under the lease begins its time: what was before is another's.
            let Some(before) = self.read_at.insert(gpu, at) else { continue };
            let gap = at.saturating_duration_since(before);
            if gap > LONGEST_GAP {
                continue;
            }
            let milliseconds = u64::try_from(gap.as_millis()).unwrap_or(u64::MAX);
            self.measured_milliseconds = self.measured_milliseconds.saturating_add(milliseconds);
            if let Some(percent) = reading.busy_percent {
                self.load_told_milliseconds = self.load_told_milliseconds.saturating_add(milliseconds);
                let busy = milliseconds.saturating_mul(percent.into());
                self.busy_percent_milliseconds = self.busy_percent_milliseconds.saturating_add(busy);
            }
            let Some(milliwatts) = reading.milliwatts.map(u64::from) else {
                self.power_unknown.insert(gpu);
                continue;
            };
            self.power_is_told = true;
            self.microjoules = self.microjoules.saturating_add(milliseconds.saturating_mul(milliwatts));
            together = Some(together.unwrap_or(0).saturating_add(milliwatts));
        }
        self.peak_milliwatts = self.peak_milliwatts.max(together.unwrap_or(0));
    }

    fn usage(&self) -> Usage {
        let mean = self.busy_percent_milliseconds.checked_div(self.load_told_milliseconds);
        Usage {
            measured_gpu_milliseconds: self.measured_milliseconds,
            busy_percent: mean.and_then(|percent| u32::try_from(percent).ok()),
            energy_millijoules: self.power_is_told.then_some(self.microjoules / 1_000),
            peak_milliwatts: self.power_is_told.then_some(self.peak_milliwatts),
            power_unknown: self.power_unknown.iter().copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
