use millrace_protocol::{
    Address, GpuUnits, HardwareClass, JobTerms, PricePerGpuHour, Requirements, ServiceLevel, Verification,
};
use millrace_spec::{Locality, Runtime, Version};

use crate::{JobEntry, Workload};

/// A gang's nodes, which are taken all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Together {
    pub members: u32,
    pub locality: Locality,
}

impl Together {
    pub(crate) fn size(self) -> usize {
        self.members as usize
    }
}

/// What one lease of a job asks of a node, whichever lease it is. Jobs that ask for the same have the
/// same demand, and wait for a node together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Demand {
    /// Bit per GPU class; 0 accepts every class.
    pub gpu_classes: u64,
    /// Of one GPU, in MiB.
    pub vram_mib: u32,
    pub units: GpuUnits,
    /// Bit per region; 0 accepts every region.
    pub regions: u32,
    pub accept_simulated: bool,
    pub maximum_price: PricePerGpuHour,
    pub spot: bool,
    pub service_level: ServiceLevel,
    /// What the hardware must have been shown to be, where anything must.
    pub hardware: Option<HardwareClass>,
    /// Thousandths of a CPU.
    pub cpu_milli: u32,
    pub memory_mib: u32,
    pub disk_mib: u32,
    pub image: String,
    /// None for whatever a node's engine runs containers with.
    pub runtime: Option<Runtime>,
    pub minimum_cuda: Version,
    pub minimum_driver: Version,
    /// ISO 3166-1 alpha-2; empty accepts every country.
    pub countries: Vec<[u8; 2]>,
    /// Only these; empty accepts every provider.
    pub providers: Vec<Address>,
    pub denied_providers: Vec<Address>,
    /// No two live leases with one provider.
    pub different_providers: bool,
    /// Nodes bid for it: their posted prices do not matter.
    pub auction: bool,
    /// Of a gang only: what it asks of the other members' nodes.
    pub together: Option<Together>,
}

impl Demand {
    /// Of a job as far as it is known; before its spec is here it asks for nothing beside its terms.
    pub(crate) fn of_job(entry: &JobEntry) -> Self {
        let nothing = Workload::default();
        Self::new(&entry.view.job.terms, entry.workload().unwrap_or(&nothing))
    }

    pub fn new(terms: &JobTerms, workload: &Workload) -> Self {
        let Requirements { gpu_classes, vram_mib, units, regions, accept_simulated } = terms.requirements;
        let hardware = match terms.verification {
            Verification::AttestedHardware { class } => Some(class),
            Verification::Attested | Verification::SpotCheck { .. } | Verification::Quorum { .. } => None,
        };
        Self {
            gpu_classes,
            vram_mib,
            units,
            regions,
            accept_simulated,
            maximum_price: if workload.placement.auction { PricePerGpuHour::MAX } else { terms.maximum_price },
            spot: terms.spot,
            service_level: terms.service_level,
            hardware,
            cpu_milli: workload.cpu_milli,
            memory_mib: workload.memory_mib,
            disk_mib: workload.disk_mib,
            image: workload.image.clone(),
            runtime: workload.runtime,
            minimum_cuda: workload.placement.minimum_cuda,
            minimum_driver: workload.placement.minimum_driver,
            countries: workload.placement.countries.clone(),
            providers: workload.placement.providers.clone(),
            denied_providers: workload.placement.denied_providers.clone(),
            different_providers: workload.placement.different_providers || terms.verification.is_quorum(),
            auction: workload.placement.auction,
            together: workload.gang().map(|gang| Together { members: workload.tasks, locality: gang.locality }),
        }
    }
}

#[cfg(test)]
impl Demand {
    /// One GPU of any kind, at any price.
    pub(crate) fn anything() -> Self {
        let requirements =
            Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
        let terms = JobTerms { requirements, maximum_price: PricePerGpuHour::MAX, ..crate::tests::world::terms() };
        Self::new(&terms, &Workload::default())
    }
}
