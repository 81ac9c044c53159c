use millrace_protocol::gpu::{GpuClass, Tier};
use millrace_protocol::{
    BasisPoints, GpuUnits, JobTerms, MicroUsdc, Parameters, Payment, PricePerGpuHour, Requirements, Seconds,
    ServiceLevel, Verification, money,
};
use millrace_spec::Runtime;
use serde::{Deserialize, Serialize};

use super::rig::Rig;
use super::search::Request;
use super::standing::Owner;
use super::{Market, NodeEntry};
use crate::Now;
use crate::decide::SHORTEST_LEASE;

/// One reason for which a node does not get a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Constraint {
    /// Costs more than the job pays.
    Price,
    /// Takes no spot leases, and the job takes no others.
    NoSpot,
    GpuModel,
    Vram,
    GpuCount,
    Region,
    Country,
    /// Its GPUs are simulated and the job does not accept that.
    Simulated,
    /// Does not answer for the service level that the job asks for.
    ServiceLevel,
    /// Its hardware was not shown to be what the job asks for, or that has expired.
    HardwareUnattested,
    /// It answered the network's last GPU challenge wrong, or not in time, and the job asks for hardware that was
    /// shown to be what it is said to be.
    ChallengeRefused,
    /// The buyer denies its provider, or names others.
    ProviderUnwanted,
    Cpu,
    Memory,
    Disk,
    /// Its engine does not have the runtime that the job asks for.
    RuntimeMissing,
    /// Its driver is older than the job asks for, or its account tells of none.
    Driver,
    /// The same of its CUDA.
    Cuda,
    /// Its worker is not connected.
    NodeOffline,
    /// Its worker came and went too often lately.
    Quarantined,
    /// Its provider is draining it, on chain or on the rig.
    NodeDraining,
    /// All of it is leased.
    NodeFull,
    /// Its provider drains, or was delisted.
    ProviderNotActive,
    /// Its provider's reputation is under the minimum for its kind of hardware.
    ReputationTooLow,
    /// It has a live lease of this job already.
    AlreadyLeased,
    /// Its provider has a live lease of this job, which wants different ones.
    SameProvider,
    /// It refused this job's last offer, or could not take it, moments ago.
    Resting,
    /// It failed this job before; taken again only when no other node fits.
    FailedBefore,
    /// The provider's free stake does not cover the bond.
    StakeTooSmall,
}

impl Constraint {
    /// Every one, the dearest to check last.
    pub const ALL: [Self; 29] = [
        Self::Price,
        Self::NoSpot,
        Self::GpuModel,
        Self::Vram,
        Self::GpuCount,
        Self::Region,
        Self::Country,
        Self::Simulated,
        Self::ServiceLevel,
        Self::HardwareUnattested,
        Self::ChallengeRefused,
        Self::ProviderUnwanted,
        Self::Cpu,
        Self::Memory,
        Self::Disk,
        Self::RuntimeMissing,
        Self::Driver,
        Self::Cuda,
        Self::NodeOffline,
        Self::Quarantined,
        Self::NodeDraining,
        Self::NodeFull,
        Self::ProviderNotActive,
        Self::ReputationTooLow,
        Self::AlreadyLeased,
        Self::SameProvider,
        Self::Resting,
        Self::FailedBefore,
        Self::StakeTooSmall,
    ];

    /// Those that the index does not vouch for: it keeps no rig that another one excludes from everything, and
    /// compares the others exactly.
    pub(super) const UNVOUCHED: [Self; 11] = [
        Self::Country,
        Self::HardwareUnattested,
        Self::ChallengeRefused,
        Self::ProviderUnwanted,
        Self::RuntimeMissing,
        Self::Cuda,
        Self::AlreadyLeased,
        Self::SameProvider,
        Self::Resting,
        Self::FailedBefore,
        Self::StakeTooSmall,
    ];

    /// Whether it lasts only until leases of others end.
    pub(crate) fn is_taken_by_others(self) -> bool {
        matches!(self, Self::Cpu | Self::Memory | Self::Disk | Self::NodeFull | Self::StakeTooSmall)
    }

    /// Whether a node is taken in spite of it when nothing better is there.
    pub fn is_wish(self) -> bool {
        self == Self::FailedBefore
    }
}

/// What any node meets: each requirement is checked alone, by the chain's own rule, with the others
/// set to this.
const ANYTHING: Requirements =
    Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits::ZERO, regions: 0, accept_simulated: true };

/// What asks for nothing: each further term is checked alone, by the chain's own rule.
const UNDEMANDING: JobTerms = JobTerms {
    requirements: ANYTHING,
    maximum_price: PricePerGpuHour::MAX,
    concurrent_leases: 1,
    lease_seconds: SHORTEST_LEASE,
    start_window: Seconds(1),
    retries: 0,
    deposit: MicroUsdc::MAX,
    spot: false,
    service_level: ServiceLevel::None,
    payment: Payment::Streaming,
    verification: Verification::Attested,
    dispute_window: Seconds::ZERO,
};

impl Market {
    /// Whether the constraint speaks against giving a lease of the request on the rig now.
    pub(super) fn excludes(
        &self,
        constraint: Constraint,
        now: Now,
        request: &Request,
        (rig, entry): (&Rig, &NodeEntry),
    ) -> bool {
        let demand = request.demand;
        let (view, node) = (&entry.view, &entry.view.node);
        let hardware = &node.hardware;
        let alone = |requirements: Requirements| requirements.check(node).is_err();
        let term = |terms: JobTerms| terms.check_node(node, now.chain).is_err();
        let owner = self.owners.at(rig.owner);
        match constraint {
            Constraint::Price => rig.price(demand.spot).is_some_and(|price| price > demand.maximum_price),
            Constraint::NoSpot => rig.price(demand.spot).is_none(),
            Constraint::GpuModel => alone(Requirements { gpu_classes: demand.gpu_classes, ..ANYTHING }),
            Constraint::Vram => alone(Requirements { vram_mib: demand.vram_mib, ..ANYTHING }),
            Constraint::GpuCount => alone(Requirements { units: demand.units, ..ANYTHING }),
            Constraint::Region => alone(Requirements { regions: demand.regions, ..ANYTHING }),
            Constraint::Country => !demand.countries.is_empty() && !demand.countries.contains(&hardware.country),
            Constraint::Simulated => alone(Requirements { accept_simulated: demand.accept_simulated, ..ANYTHING }),
            Constraint::ServiceLevel => term(JobTerms { service_level: demand.service_level, ..UNDEMANDING }),
            Constraint::ChallengeRefused => demand.hardware.is_some() && self.refused.contains(&rig.address),
            // One reason at a time: who failed a challenge is not attested because of that.
            Constraint::HardwareUnattested => demand.hardware.is_some_and(|class| {
                !self.refused.contains(&rig.address)
                    && term(JobTerms { verification: Verification::AttestedHardware { class }, ..UNDEMANDING })
            }),
            Constraint::ProviderUnwanted => {
                let named = demand.providers.is_empty() || demand.providers.contains(&view.provider);
                !named || demand.denied_providers.contains(&view.provider)
            }
            Constraint::Cpu => rig.spare(entry).cpu_milli < u64::from(demand.cpu_milli),
            Constraint::Memory => rig.spare(entry).memory_mib < u64::from(demand.memory_mib),
            Constraint::Disk => rig.spare(entry).disk_mib < u64::from(demand.disk_mib),
            Constraint::RuntimeMissing => match demand.runtime {
                Some(Runtime::Gvisor) => !rig.gvisor,
                None => false,
            },
            Constraint::Driver => view.driver < demand.minimum_driver,
            Constraint::Cuda => view.cuda < demand.minimum_cuda,
            Constraint::NodeOffline => !rig.worker.is_some_and(|worker| worker.live(now.millis, self.patience)),
            Constraint::Quarantined => rig.worker.is_some_and(|worker| now.millis < worker.quarantined_until()),
            Constraint::NodeDraining => rig.drains(),
            Constraint::NodeFull => hardware.units() >= demand.units && rig.free(entry) < demand.units,
            Constraint::ProviderNotActive => owner.is_none_or(|owner| !owner.is_active()),
            Constraint::ReputationTooLow => {
                let tier = Tier::of(hardware.gpu_class) as usize;
                let minimum = self.parameters.map_or(BasisPoints::ZERO, |known| known.minimum_reputation[tier]);
                owner.is_some_and(|owner| owner.reputation < minimum)
            }
            Constraint::AlreadyLeased => request.leased.contains(&rig.address),
            Constraint::SameProvider => demand.different_providers && request.providers.contains(&view.provider),
            Constraint::Resting => request.resting.get(&rig.address).is_some_and(|until| now.millis < *until),
            Constraint::FailedBefore => request.failed.contains(&rig.address),
            Constraint::StakeTooSmall => {
                let price = rig.price(demand.spot).unwrap_or(node.price);
                let bond = self.parameters.and_then(|known| bond(&known, hardware.gpu_class, price, demand.units));
                let free = owner.map_or(MicroUsdc::ZERO, Owner::free_stake);
                bond.is_none_or(|bond| free < bond)
            }
        }
    }
}

/// What a lease of this kind of hardware at this price locks of its provider's stake: as many hours of it as
/// the network's parameters say, at least their minimum. A test holds it to the chain's own
/// [`millrace_protocol::transitions::open_lease`].
pub(crate) fn bond(
    parameters: &Parameters,
    gpu_class: GpuClass,
    price: PricePerGpuHour,
    units: GpuUnits,
) -> Option<MicroUsdc> {
    let seconds = Seconds(u64::from(parameters.bond_hours) * 3_600);
    let minimum = parameters.minimum_bond[Tier::of(gpu_class) as usize];
    money::cost(price, units, seconds).ok().map(|bond| bond.max(minimum))
}
