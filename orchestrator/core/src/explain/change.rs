//! What a buyer could change.

use millrace_protocol::{
    Address, GpuUnits, HardwareClass, JobTerms, MicroUsdc, PricePerGpuHour, ServiceLevel, Verification, gpu, region,
};
use millrace_spec::Version;
use serde::{Deserialize, Serialize};

use crate::{Constraint, Workload};

/// One change, and a node that it would win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    pub change: Change,
    pub node: Address,
    pub price: PricePerGpuHour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Put so much more into the job's escrow.
    AddToDeposit(MicroUsdc),
    /// Pay at least this.
    RaisePrice(PricePerGpuHour),
    /// Accept this GPU class as well.
    AcceptGpuClass(u8),
    /// Ask for at most this much MiB of VRAM.
    LowerVram(u32),
    /// Ask for at most this many GPUs.
    LowerGpuCount(u16),
    /// Accept this region as well.
    AcceptRegion(u8),
    /// Accept this country as well.
    AcceptCountry([u8; 2]),
    /// Accept nodes of this provider as well.
    AcceptProvider(Address),
    /// Accept several leases with one provider.
    AcceptSameProvider,
    AcceptSimulated,
    /// Leave it to the node's engine what containers run under.
    AcceptEngineRuntime,
    /// Pay the price posted for leases that are not spot.
    AcceptOnDemand,
    /// Ask for at most this service level.
    LowerServiceLevel(ServiceLevel),
    /// Accept hardware that was shown to be no more than this.
    AcceptHardware(HardwareClass),
    /// Ask for at most this many thousandths of a CPU.
    LowerCpu(u32),
    /// Ask for at most this much MiB of memory.
    LowerMemory(u32),
    /// Ask for at most this much MiB of disk.
    LowerDisk(u32),
    /// Ask for at most this driver; for any where that is none.
    LowerDriver(Version),
    /// Ask for at most this CUDA; for any where that is none.
    LowerCuda(Version),
    /// Nothing the buyer could change: wait until the node is connected, free, backed by stake or trusted.
    Wait(Constraint),
}

impl Change {
    /// Makes the terms and the workload of a job those of one whose buyer has followed the advice.
    pub fn apply(self, terms: &mut JobTerms, workload: &mut Workload) {
        let (asked, placement) = (&mut terms.requirements, &mut workload.placement);
        match self {
            Self::AddToDeposit(amount) => terms.deposit = terms.deposit.plus(amount).unwrap_or(MicroUsdc::MAX),
            Self::RaisePrice(price) => terms.maximum_price = terms.maximum_price.max(price),
            // A mask of nothing accepts everything.
            Self::AcceptGpuClass(class) if asked.gpu_classes != 0 => {
                asked.gpu_classes |= gpu::bit(class).unwrap_or_default();
            }
            Self::AcceptRegion(code) if asked.regions != 0 => asked.regions |= region::bit(code).unwrap_or_default(),
            Self::AcceptGpuClass(_) | Self::AcceptRegion(_) => {}
            Self::LowerVram(mib) => asked.vram_mib = asked.vram_mib.min(mib),
            Self::LowerGpuCount(count) => asked.units = asked.units.min(GpuUnits(count)),
            Self::AcceptCountry(country) => {
                if !placement.countries.is_empty() && !placement.countries.contains(&country) {
                    placement.countries.push(country);
                    placement.countries.sort_unstable();
                }
            }
            Self::AcceptProvider(provider) => {
                placement.denied_providers.retain(|denied| *denied != provider);
                if !placement.providers.is_empty() && !placement.providers.contains(&provider) {
                    placement.providers.push(provider);
                    placement.providers.sort_unstable();
                }
            }
            Self::AcceptSameProvider => placement.different_providers = false,
            Self::AcceptSimulated => asked.accept_simulated = true,
            Self::AcceptEngineRuntime => workload.runtime = None,
            Self::AcceptOnDemand => terms.spot = false,
            Self::LowerServiceLevel(level) => terms.service_level = terms.service_level.min(level),
            // What is only claimed is not attested, and no terms ask for an attestation of that.
            Self::AcceptHardware(HardwareClass::Claimed) => terms.verification = Verification::Attested,
            Self::AcceptHardware(class) => terms.verification = Verification::AttestedHardware { class },
            Self::LowerCpu(milli) => workload.cpu_milli = workload.cpu_milli.min(milli),
            Self::LowerMemory(mib) => workload.memory_mib = workload.memory_mib.min(mib),
            Self::LowerDisk(mib) => workload.disk_mib = workload.disk_mib.min(mib),
            Self::LowerDriver(driver) => placement.minimum_driver = placement.minimum_driver.min(driver),
            Self::LowerCuda(cuda) => placement.minimum_cuda = placement.minimum_cuda.min(cuda),
            Self::Wait(_) => {}
        }
    }
}
