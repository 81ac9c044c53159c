use std::collections::BTreeSet;

use millrace_protocol::gpu::{GpuClass, Tier};
use millrace_protocol::transitions::{self, LeaseOffer};
use millrace_protocol::{
    Address, BasisPoints, Error, GpuUnits, Hardware, HardwareAttestation, JobTerms, MicroUsdc, Node, NodeStatus,
    Parameters, Payment, PricePerGpuHour, Provider, ProviderStatus, Requirements, Seconds, ServiceLevel, Stake,
    UnixSeconds, Verification,
};
use serde::{Deserialize, Serialize};

use crate::decide::SHORTEST_LEASE;
use crate::{Core, Now};

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
    /// Its GPUs are simulated and the job does not accept that.
    Simulated,
    /// Does not answer for the service level that the job asks for.
    ServiceLevel,
    /// Its hardware was not shown to be what the job asks for, or that has expired.
    HardwareUnattested,
    Cpu,
    Memory,
    Disk,
    /// Its worker is not connected.
    NodeOffline,
    /// Its provider is draining it.
    NodeDraining,
    /// All of it is leased.
    NodeFull,
    /// The provider's free stake does not cover the bond.
    StakeTooSmall,
    /// Its provider drains, or was delisted.
    ProviderNotActive,
    /// Its provider's reputation is under the minimum for its kind of hardware.
    ReputationTooLow,
    /// It has a live lease of this job already.
    AlreadyLeased,
    /// It refused this job's last offer, or could not take it, moments ago.
    Resting,
    /// It failed this job before; taken again only when no other node fits.
    FailedBefore,
}

impl Constraint {
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

/// A rig with nothing in it.
const NOTHING: Hardware = Hardware {
    gpu_class: 0,
    gpu_count: 0,
    vram_mib: 0,
    cpu_cores: 1,
    memory_mib: 1,
    disk_mib: 0,
    region: 0,
    country: *b"ZZ",
    simulated: false,
};

impl Core {
    /// Everything that speaks against giving the job a lease on the node now.
    pub(crate) fn exclusions(&self, now: Now, job: Address, node: Address) -> BTreeSet<Constraint> {
        let mut found = BTreeSet::new();
        let (Some(entry), Some(node_entry)) = (self.jobs.get(&job), self.nodes.get(&node)) else { return found };
        let terms = &entry.view.job.terms;
        let asked = &terms.requirements;
        let view = &node_entry.view;
        let mut check = |excluded: bool, constraint: Constraint| {
            if excluded {
                found.insert(constraint);
            }
        };
        let alone = |requirements: Requirements| requirements.check(&view.node).is_err();
        check(alone(Requirements { gpu_classes: asked.gpu_classes, ..ANYTHING }), Constraint::GpuModel);
        check(alone(Requirements { vram_mib: asked.vram_mib, ..ANYTHING }), Constraint::Vram);
        check(alone(Requirements { units: asked.units, ..ANYTHING }), Constraint::GpuCount);
        check(alone(Requirements { regions: asked.regions, ..ANYTHING }), Constraint::Region);
        let simulated = Requirements { accept_simulated: asked.accept_simulated, ..ANYTHING };
        check(alone(simulated), Constraint::Simulated);
        let alone = |terms: JobTerms| terms.check_node(&view.node, now.chain).is_err();
        check(alone(JobTerms { service_level: terms.service_level, ..UNDEMANDING }), Constraint::ServiceLevel);
        check(alone(JobTerms { verification: terms.verification, ..UNDEMANDING }), Constraint::HardwareUnattested);
        let price = view.node.posted_price(terms.spot);
        check(price.is_none(), Constraint::NoSpot);
        check(price.is_some_and(|price| price > terms.maximum_price), Constraint::Price);

        let (projected, provider) = self.projected(node);
        if let Some(workload) = entry.workload() {
            let hardware = &view.node.hardware;
            let used = self.used(node);
            check(
                u64::from(hardware.cpu_cores) * 1_000 < used.cpu_milli + u64::from(workload.cpu_milli),
                Constraint::Cpu,
            );
            check(
                u64::from(hardware.memory_mib) < used.memory_mib + u64::from(workload.memory_mib),
                Constraint::Memory,
            );
            check(u64::from(hardware.disk_mib) < used.disk_mib + u64::from(workload.disk_mib), Constraint::Disk);
        }
        check(!self.is_live(now, node), Constraint::NodeOffline);
        check(projected.status != NodeStatus::Active, Constraint::NodeDraining);
        let fits_empty = view.node.hardware.units() >= asked.units;
        check(fits_empty && projected.free() < asked.units, Constraint::NodeFull);
        let provider = provider.unwrap_or_default();
        let bond = self.bond(view.node.hardware.gpu_class, price.unwrap_or(view.node.price), asked.units);
        let covered = bond.is_some_and(|bond| provider.stake.free().is_ok_and(|free| free >= bond));
        check(!covered, Constraint::StakeTooSmall);
        check(provider.check_may_lease(BasisPoints::ZERO, now.chain).is_err(), Constraint::ProviderNotActive);
        let tier = Tier::of(view.node.hardware.gpu_class) as usize;
        let minimum = self.parameters.map_or(BasisPoints::ZERO, |parameters| parameters.minimum_reputation[tier]);
        let listed = Provider { status: ProviderStatus::Active, ..provider };
        check(listed.check_may_lease(minimum, now.chain).is_err(), Constraint::ReputationTooLow);
        let leased =
            |lease: &Address| self.leases.get(lease).is_some_and(|entry| entry.view.node == node && entry.is_live());
        check(self.open_leases_of(job).iter().any(leased), Constraint::AlreadyLeased);
        check(entry.resting.get(&node).is_some_and(|until| now.millis < *until), Constraint::Resting);
        check(entry.failed_nodes.contains(&node), Constraint::FailedBefore);
        found
    }

    /// What the chain would say to this lease, with everything on its way already counted.
    ///
    /// # Errors
    /// Those of [`transitions::open_lease`].
    pub(crate) fn dry_run(
        &self,
        now: Now,
        job: Address,
        node: Address,
        offer: LeaseOffer,
        parameters: &Parameters,
    ) -> Result<(), Error> {
        let entry = self.jobs.get(&job).ok_or(Error::JobNotOpen)?;
        let (mut node, provider) = self.projected(node);
        let mut provider = provider.ok_or(Error::StakeTooSmall)?;
        let mut job = entry.view.job;
        transitions::open_lease(&mut job, &mut node, &mut provider, offer, parameters, now.chain).map(|_| ())
    }

    /// The node and its provider as they will be once the offers under way are leases.
    fn projected(&self, node: Address) -> (Node, Option<Provider>) {
        let view = self.nodes[&node].view;
        let mut projected = view.node;
        let mut provider = self.provider(view.provider);
        let known = || self.open_leases.iter().filter_map(|lease| self.leases.get(lease));
        // Node, provider and leases are read one by one: whichever shows more of what is taken is right.
        let taken = known().filter(|lease| lease.view.node == node && lease.is_live());
        let taken = taken.map(|lease| u32::from(lease.view.lease.units.0)).sum::<u32>();
        projected.leased = projected.leased.max(GpuUnits(u16::try_from(taken).unwrap_or(u16::MAX)));
        if let Some(provider) = &mut provider {
            // A reported lease gives its node back, not its bond.
            let bonds =
                known().filter(|lease| lease.view.provider == view.provider).map(|lease| lease.view.lease.bond.0);
            provider.stake.locked = provider.stake.locked.max(MicroUsdc(bonds.fold(0, u64::saturating_add)));
        }
        for address in &self.open_jobs {
            let Some(entry) = self.jobs.get(address) else { continue };
            let Some(offer) = entry.offer.map(|pending| pending.offer) else { continue };
            let units = entry.view.job.terms.requirements.units;
            if offer.node == node {
                // A node that cannot give them is full, which is all that matters here.
                let _ = projected.take(units);
            }
            if offer.provider == view.provider
                && let Some(other) = self.nodes.get(&offer.node)
                && let Some(bond) = self.bond(other.view.node.hardware.gpu_class, offer.price, units)
                && let Some(provider) = &mut provider
            {
                let _ = provider.stake.lock(bond);
            }
        }
        (projected, provider)
    }

    /// What a lease of this kind of hardware at this price locks of its provider's stake, by the chain's
    /// own rule.
    fn bond(&self, gpu_class: GpuClass, price: PricePerGpuHour, units: GpuUnits) -> Option<MicroUsdc> {
        let parameters = self.parameters.as_ref()?;
        let mut node = Node {
            hardware: Hardware { gpu_class, gpu_count: units.0, simulated: true, ..NOTHING },
            price,
            spot_price: PricePerGpuHour::ZERO,
            service_level: ServiceLevel::None,
            attestation: HardwareAttestation::default(),
            leased: GpuUnits::ZERO,
            status: NodeStatus::Active,
        };
        let stake = Stake { total: MicroUsdc::MAX, ..Stake::default() };
        let mut provider = Provider { stake, ..Provider::default() };
        let terms = JobTerms { requirements: Requirements { units, ..ANYTHING }, maximum_price: price, ..UNDEMANDING };
        let mut job = transitions::open_job(terms, parameters, UnixSeconds::ZERO).ok()?;
        let offer = LeaseOffer { price, negotiated: false, maximum: SHORTEST_LEASE };
        let opened = transitions::open_lease(&mut job, &mut node, &mut provider, offer, parameters, UnixSeconds::ZERO);
        opened.ok().map(|lease| lease.bond)
    }

    /// What live leases and offers take of a node beside its GPUs.
    fn used(&self, node: Address) -> Used {
        let leased = self.open_leases.iter().filter_map(|lease| self.leases.get(lease));
        let leased = leased.filter(|entry| entry.view.node == node && entry.is_live());
        let offered = self.open_jobs.iter().filter(|job| {
            self.jobs.get(job).and_then(|entry| entry.offer).is_some_and(|pending| pending.offer.node == node)
        });
        let jobs = leased.map(|entry| entry.view.job).chain(offered.copied());
        let workloads = jobs.filter_map(|job| self.jobs.get(&job)?.workload());
        workloads.fold(Used::default(), |sum, workload| Used {
            cpu_milli: sum.cpu_milli + u64::from(workload.cpu_milli),
            memory_mib: sum.memory_mib + u64::from(workload.memory_mib),
            disk_mib: sum.disk_mib + u64::from(workload.disk_mib),
        })
    }
}

#[derive(Clone, Copy, Default)]
struct Used {
    cpu_milli: u64,
    memory_mib: u64,
    disk_mib: u64,
}
