//! What would place a job: each change is made to a copy of it, and suggested only where the market then has a node.

use millrace_protocol::{
    Address, HardwareAttestation, HardwareClass, JobTerms, MicroUsdc, PricePerGpuHour, UnixSeconds, money,
};
use millrace_spec::Limits;

use super::{Change, Suggestion};
use crate::decide::{enough_for, most_to_ask, shortest_lease};
use crate::market::{Demand, Request};
use crate::state::job::{JobEntry, SpecStatus};
use crate::{Constraint, Core, JobView, Now};

/// A node from which one thing keeps the job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prospect {
    /// None where that is money.
    pub only: Option<Constraint>,
    pub price: PricePerGpuHour,
    pub node: Address,
}

/// A job that asks what would help it.
pub(super) struct Asker<'a> {
    pub(super) core: &'a Core,
    pub(super) now: Now,
    pub(super) entry: &'a JobEntry,
    pub(super) request: Request<'a>,
    /// Leases that the deposit must cover at a time for the next one to be opened; a gang's are counted elsewhere.
    pub(super) places: usize,
    /// Providers that nothing the buyer says makes acceptable: their results are what is to be checked, or were refuted.
    barred: &'a [Address],
}

impl<'a> Asker<'a> {
    pub(super) fn new(core: &'a Core, now: Now, (job, entry): (Address, &'a JobEntry), request: Request<'a>) -> Self {
        let places = match entry.votes() {
            Some((_, size)) if core.round(job).is_none() => size.into(),
            Some(_) => core.free_places(now, job).max(1),
            None => 1,
        };
        let own = entry.workload().map_or(0, |workload| workload.placement.denied_providers.len());
        let barred = request.demand.denied_providers.get(own..).unwrap_or_default();
        Self { core, now, entry, request, places, barred }
    }

    /// Whether the deposit covers the next lease at the node's posted price, as far as that matters.
    pub(super) fn affords(&self, price: PricePerGpuHour) -> bool {
        price <= self.request.affordable && self.covers(self.entry, price)
    }

    fn covers(&self, entry: &JobEntry, price: PricePerGpuHour) -> bool {
        self.places == 1 || enough_for(entry, price, self.places)
    }

    /// The cheapest node that one change wins; waiting comes last.
    pub(super) fn suggest(&self, prospects: Vec<Prospect>) -> Option<Suggestion> {
        let mut changes: Vec<_> =
            prospects.iter().filter_map(|prospect| Some((self.change(prospect)?, prospect))).collect();
        changes.sort_by_key(|(change, Prospect { only, price, node })| {
            (matches!(change, Change::Wait(_)), *price, *only, *node)
        });
        let (change, won) = changes.into_iter().find(|(change, prospect)| self.wins(*change, prospect))?;
        Some(Suggestion { change, node: won.node, price: won.price })
    }

    /// Whether the change makes the node one that the job could have, once what it is to wait for is over.
    fn wins(&self, change: Change, prospect: &Prospect) -> bool {
        if matches!(change, Change::Wait(_)) {
            return self.affords(prospect.price);
        }
        let (entry, demand) = self.after(change);
        let request = self.request_of(&entry, &demand);
        let weighed = self.core.market.weigh(self.now, &request, prospect.node);
        weighed.is_some_and(|weighed| self.covers(&entry, PricePerGpuHour(weighed.score.price)))
    }

    /// The job with the change made, as far as nodes are concerned, and what it asks of them.
    pub(super) fn after(&self, change: Change) -> (JobEntry, Demand) {
        let mut terms: JobTerms = self.entry.view.job.terms;
        let mut workload = self.entry.workload().cloned().unwrap_or_default();
        change.apply(&mut terms, &mut workload);
        let job = millrace_protocol::Job { terms, ..self.entry.view.job };
        let mut entry = JobEntry::new(JobView { job, ..self.entry.view });
        if self.entry.workload().is_some() {
            entry.spec = SpecStatus::Known(workload.into());
        }
        let mut demand = Demand::of_job(&entry);
        demand.denied_providers.extend(self.barred);
        (entry, demand)
    }

    /// What has happened to the job has happened, whatever it asks for.
    pub(super) fn request_of<'b>(&'b self, entry: &JobEntry, demand: &'b Demand) -> Request<'b> {
        Request { demand, affordable: most_to_ask(entry), ..self.request }
    }

    /// What would have to be in the escrow for as many of the shortest leases at this price.
    pub(super) fn cost(&self, price: PricePerGpuHour) -> Option<MicroUsdc> {
        let units = self.entry.view.job.terms.requirements.units;
        money::cost(price, units, shortest_lease(self.entry)).ok()
    }

    /// What is to be added to the deposit for so much to be there.
    pub(super) fn missing(&self, needed: MicroUsdc) -> Option<Change> {
        let missing = needed.minus(self.entry.view.job.available().ok()?).ok()?;
        (missing > MicroUsdc::ZERO).then_some(Change::AddToDeposit(missing))
    }

    /// What could be changed about the one thing that keeps the job from the node. None where that would not be enough.
    pub(super) fn change(&self, prospect: &Prospect) -> Option<Change> {
        let Some(only) = prospect.only else {
            let places = u64::try_from(self.places).ok()?;
            return self.missing(MicroUsdc(self.cost(prospect.price)?.0.checked_mul(places)?));
        };
        let market = &self.core.market;
        let view = &market.node(prospect.node)?.view;
        let hardware = &view.node.hardware;
        let spare = market.spare(prospect.node)?;
        // As much as is left, or all of it once leases of others are over.
        let lower = |spare: u64, least: u32, has_all: bool, change: fn(u32) -> Change| match u32::try_from(spare).ok() {
            Some(spare) if spare >= least => Some(change(spare)),
            _ => has_all.then_some(Change::Wait(only)),
        };
        let asked = self.request.demand;
        Some(match only {
            Constraint::Price => Change::RaisePrice(prospect.price),
            Constraint::NoSpot => Change::AcceptOnDemand,
            Constraint::ServiceLevel => Change::LowerServiceLevel(view.node.service_level),
            Constraint::HardwareUnattested => Change::AcceptHardware(shown(&view.node.attestation, self.now.chain)),
            Constraint::ChallengeRefused => Change::AcceptHardware(HardwareClass::Claimed),
            Constraint::GpuModel => Change::AcceptGpuClass(hardware.gpu_class),
            Constraint::Vram => Change::LowerVram(hardware.vram_mib),
            Constraint::GpuCount => Change::LowerGpuCount(market.free(prospect.node).filter(|free| free.0 > 0)?.0),
            Constraint::Region => Change::AcceptRegion(hardware.region),
            Constraint::Country => Change::AcceptCountry(hardware.country),
            Constraint::ProviderUnwanted if self.barred.contains(&view.provider) => Change::Wait(only),
            Constraint::ProviderUnwanted => Change::AcceptProvider(view.provider),
            // Whose results are compared must not be one and the same.
            Constraint::SameProvider if self.entry.is_counted() => Change::Wait(only),
            Constraint::SameProvider => Change::AcceptSameProvider,
            Constraint::Simulated => Change::AcceptSimulated,
            Constraint::Cpu => {
                let has_all = u64::from(hardware.cpu_cores) * 1_000 >= u64::from(asked.cpu_milli);
                return lower(spare.cpu_milli, Limits::LEAST_CPU_MILLI, has_all, Change::LowerCpu);
            }
            Constraint::Memory => {
                let has_all = hardware.memory_mib >= asked.memory_mib;
                return lower(spare.memory_mib, Limits::LEAST_MEMORY_MIB, has_all, Change::LowerMemory);
            }
            Constraint::Disk => {
                let has_all = hardware.disk_mib >= asked.disk_mib;
                return lower(spare.disk_mib, Limits::LEAST_DISK_MIB, has_all, Change::LowerDisk);
            }
            Constraint::RuntimeMissing => Change::AcceptEngineRuntime,
            Constraint::Driver => Change::LowerDriver(view.driver),
            Constraint::Cuda => Change::LowerCuda(view.cuda),
            Constraint::NodeOffline
            | Constraint::Quarantined
            | Constraint::NodeDraining
            | Constraint::NodeFull
            | Constraint::StakeTooSmall
            | Constraint::ProviderNotActive
            | Constraint::ReputationTooLow
            | Constraint::AlreadyLeased
            | Constraint::Resting
            | Constraint::FailedBefore => Change::Wait(only),
        })
    }
}

/// What the hardware is still shown to be.
fn shown(attestation: &HardwareAttestation, now: UnixSeconds) -> HardwareClass {
    if attestation.shows(attestation.class, now) { attestation.class } else { HardwareClass::Claimed }
}
