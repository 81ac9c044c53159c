mod shapes;

use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::{
    Address, HardwareAttestation, HardwareClass, JobState, MicroUsdc, PricePerGpuHour, ServiceLevel, UnixSeconds,
};
use serde::{Deserialize, Serialize};

use crate::decide::{affordable, enough_for};
use crate::market::Weights;
use crate::state::job::{JobEntry, SpecStatus};
use crate::state::node::NodeEntry;
use crate::state::task::Cause;
use crate::{Constraint, Core, Decision, Lacking, NotServed, Now, Outcome, Runway, TooFew};

/// Why a job has no node, or fewer than it may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What holds the job back that is no node's doing. Empty where only nodes are lacking.
    pub blockers: Vec<Blocker>,
    pub nodes_total: usize,
    /// Nodes that could take a lease of it now, those that are kept for it included.
    pub nodes_fitting: usize,
    /// Per constraint that speaks against at least one node.
    pub exclusions: BTreeMap<Constraint, Exclusion>,
    /// The cheapest single change that would place it.
    pub suggestion: Option<Suggestion>,
    /// Why its live leases, and the offer under way, are where they are. A restart forgets it.
    pub decisions: Vec<Decision>,
    /// How placements are weighed.
    pub weights: Weights,
    /// How long its money lasts; of a service that runs.
    pub runway: Option<Runway>,
}

/// How many nodes a constraint excludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Exclusion {
    pub nodes: usize,
    /// Nodes that meet everything else.
    pub alone: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocker {
    /// This orchestrator does not run jobs of this kind.
    NotServed(NotServed),
    /// The network's parameters have not been read yet.
    ParametersUnknown,
    /// The spec is not here yet.
    SpecMissing(Option<Cause>),
    /// It is over.
    Ended(Outcome),
    /// No lease came before the start deadline.
    StartDeadlinePassed(UnixSeconds),
    /// The rest of the deposit does not cover a lease worth its transactions on any node that fits.
    DepositExhausted { available: MicroUsdc },
    /// As many leases are live as the job allows.
    ConcurrencyReached { live: u16, silent: usize },
    /// More attempts have failed than the job allows: its live and reported leases are its last.
    AttemptsExhausted { failed: u16, retries: u16 },
    /// What the end of a lease that is under way does to the job is not known yet.
    LeaseEnding,
    /// An offer is with this node.
    OfferPending { node: Address },
    /// So many spot leases on this node were given notice for it, which is over then; without any, its worker is
    /// waited for.
    AwaitsNotice { node: Address, leases: usize, until: UnixSeconds },
    /// So many nodes were invited to bid for its next lease, so many have, and the others may until these
    /// milliseconds since 1970.
    AuctionOpen { invited: usize, bids: usize, closes_at: u64 },
    /// So many auctions in a row led to no lease; nodes may bid again at these milliseconds since 1970.
    AuctionPausing { failures: u32, again_at: u64 },
    /// Every task is done or with a node.
    NothingToHandOut,
    /// So many tasks are to be run again for a spot check before it is done, and so many of them are; the others
    /// wait for a node of another provider, the first of them until then.
    SpotChecks { open: usize, running: usize, until: Option<UnixSeconds> },
    /// This job comes first; whether it is known yet.
    After { job: Address, known: bool },
    /// So many tasks ended by themselves and start again, the first of them at these milliseconds since 1970;
    /// one of them has ended so often in a row.
    Restarting { tasks: usize, times: u32, again_at: u64 },
    /// A gang takes all nodes or none, and too few are free at a time, since so many milliseconds since 1970. From
    /// `kept_from` on those that come free may be kept for it, in its turn.
    GangIncomplete { lacking: Lacking, since: u64, kept_from: u64 },
    /// So many of the gang's members have their lease; the others' nodes are kept for them.
    GangAssembling { joined: usize, size: usize },
    /// So many of the gang's nodes are kept for it, in one region unless it may be anywhere: from when on, and until
    /// there are enough or until when, in milliseconds since 1970.
    GangHolding { held: usize, size: usize, region: Option<u8>, since: u64, until: u64 },
    /// So many sets of nodes in a row could not be brought together; the next is tried at these milliseconds.
    GangPausing { failures: u32, again_at: u64 },
    /// Members of an earlier attempt are being let go.
    GangDisbanding,
    /// A round takes so many providers at once, and too few have a node for it.
    ProvidersLacking(TooFew),
    /// Results are counted in this round: so many leases have joined it, committed, and shown their results, until
    /// this moment at the latest; zero before the first has joined.
    RoundOpen { round: u32, size: usize, joined: usize, committed: usize, revealed: usize, until: UnixSeconds },
    /// The round is counted, and its members are settled.
    RoundCounted { round: u32, decided: bool },
}

/// One change, and the node it would win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    pub change: Change,
    pub node: Address,
    pub price: PricePerGpuHour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
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
    /// Take leases that are not spot as well.
    AcceptOnDemand,
    /// Ask for at most this service level.
    LowerServiceLevel(ServiceLevel),
    /// Accept hardware that was shown to be no more than this.
    AcceptHardware(HardwareClass),
    /// Ask for at most this many CPU cores.
    LowerCpu(u16),
    /// Ask for at most this much MiB of memory.
    LowerMemory(u32),
    /// Ask for at most this much MiB of disk.
    LowerDisk(u32),
    /// Nothing the buyer could change: wait until the node is connected, free, backed by stake or trusted.
    Wait(Constraint),
}

impl Core {
    /// Why the job is where it is. None for a job never seen.
    pub fn explain(&self, now: Now, job: Address) -> Option<Explanation> {
        let entry = self.jobs.get(&job)?;
        let mut exclusions: BTreeMap<Constraint, Exclusion> = BTreeMap::new();
        let (mut nodes_fitting, mut too_dear) = (0, 0);
        let mut best: Option<(Rank, Suggestion)> = None;
        let past = self.past(job);
        let demand = self.demand(now, job, entry);
        let request = past.request(entry, &demand);
        let spot = entry.view.job.terms.spot;
        let kept: BTreeSet<Address> = self.seat_claims(job).into_iter().map(|(_, claim)| claim.node).collect();
        let checked = self.unserved_checks(now, job).first().map(|(_, provider)| *provider);
        for (address, node) in self.market.nodes() {
            if kept.contains(&address) {
                nodes_fitting += 1;
                continue;
            }
            let found = self.market.exclusions(now, &request, address);
            let hard: Vec<Constraint> = found.iter().copied().filter(|constraint| !constraint.is_wish()).collect();
            for constraint in &found {
                let exclusion = exclusions.entry(*constraint).or_default();
                exclusion.nodes += 1;
                exclusion.alone += usize::from(hard.as_slice() == [*constraint]);
            }
            match hard.as_slice() {
                [] if node.view.node.posted_price(spot).is_some_and(|price| price > request.affordable) => {
                    too_dear += 1
                }
                [] => nodes_fitting += 1,
                [only] => {
                    let mut suggestion = suggest(*only, address, node, entry, now.chain);
                    // Not the buyer denies it: its own result is to be checked.
                    if *only == Constraint::ProviderUnwanted && checked == Some(node.view.provider) {
                        suggestion.change = Change::Wait(*only);
                    }
                    let rank = (matches!(suggestion.change, Change::Wait(_)), suggestion.price, *only, address);
                    if best.as_ref().is_none_or(|(known, _)| rank < *known) {
                        best = Some((rank, suggestion));
                    }
                }
                _ => {}
            }
        }
        let suggestion = if nodes_fitting == 0 { best.map(|(_, suggestion)| suggestion) } else { None };
        let mut blockers = self.shape_blockers(now, job, &demand);
        let others = self.blockers(now, job, entry).into_iter().filter(|blocker| !blockers.contains(blocker));
        let others: Vec<Blocker> = others.collect();
        blockers.extend(others);
        let available = entry.view.job.available().unwrap_or(MicroUsdc::ZERO);
        let exhausted = Blocker::DepositExhausted { available };
        // Cheaper nodes may be there, and not free.
        if nodes_fitting == 0 && too_dear > 0 && entry.outcome.is_none() && !blockers.contains(&exhausted) {
            blockers.push(exhausted);
        }
        blockers.extend(self.check_blocker(now, job, entry));
        Some(Explanation {
            blockers,
            nodes_total: self.market.len(),
            nodes_fitting,
            exclusions,
            suggestion,
            decisions: entry.story().decisions.values().cloned().collect(),
            weights: *self.market.weights(),
            runway: self.runway(job),
        })
    }

    fn blockers(&self, now: Now, job: Address, entry: &JobEntry) -> Vec<Blocker> {
        let mut blockers = Vec::new();
        if let Some(outcome) = &entry.outcome {
            return vec![Blocker::Ended(outcome.clone())];
        }
        if let Some(reason) = self.not_served(entry) {
            return vec![Blocker::NotServed(reason)];
        }
        if let Some((node, leases, until)) = self.awaited_notices(now, job) {
            blockers.push(Blocker::AwaitsNotice { node, leases, until });
        }
        if self.market.parameters().is_none() {
            blockers.push(Blocker::ParametersUnknown);
        }
        if let SpecStatus::Wanted { cause, .. } = &entry.spec {
            blockers.push(Blocker::SpecMissing(cause.as_deref().cloned()));
        }
        if entry.past_start_deadline(now.chain) {
            blockers.push(Blocker::StartDeadlinePassed(entry.view.job.start_deadline));
        }
        let works_on = !entry.is_counted() && !self.wants_lease(now, job, entry) && entry.tasks.n_unchecked() == 0;
        if entry.workload().is_some() && works_on {
            blockers.push(Blocker::NothingToHandOut);
        }
        if entry.view.job.state == JobState::Active
            && entry.view.job.live_leases >= entry.view.job.terms.concurrent_leases
        {
            let leases = self.open_leases_of(job);
            let silent = leases.iter().filter(|lease| self.leases[*lease].silenced).count();
            blockers.push(Blocker::ConcurrencyReached { live: entry.view.job.live_leases, silent });
        }
        let (failed, retries) = (entry.view.job.attempts_failed, entry.view.job.terms.retries);
        if failed > retries {
            blockers.push(Blocker::AttemptsExhausted { failed, retries });
        }
        if self.awaits_an_end(job) {
            blockers.push(Blocker::LeaseEnding);
        }
        if let Some(pending) = &entry.offer {
            blockers.push(Blocker::OfferPending { node: pending.offer.node });
        }
        blockers.extend(self.auction_blocker(now, job));
        let spot = entry.view.job.terms.spot;
        let prices = self.market.nodes().filter_map(|(_, node)| node.view.node.posted_price(spot));
        let agreeable = prices.filter(|price| *price <= entry.view.job.terms.maximum_price).min();
        if let Some(price) = agreeable
            && (affordable(entry, price).is_none() || entry.is_gang() && !enough_for(entry, price, entry.tasks.len()))
        {
            let available = entry.view.job.available().unwrap_or(MicroUsdc::ZERO);
            blockers.push(Blocker::DepositExhausted { available });
        }
        blockers
    }
}

/// Changes the buyer can make first, the cheapest node first among them.
type Rank = (bool, PricePerGpuHour, Constraint, Address);

fn suggest(only: Constraint, address: Address, entry: &NodeEntry, job: &JobEntry, now: UnixSeconds) -> Suggestion {
    let node = &entry.view.node;
    let hardware = &node.hardware;
    let price = node.posted_price(job.view.job.terms.spot).unwrap_or(node.price);
    let change = match only {
        Constraint::Price => Change::RaisePrice(price),
        Constraint::NoSpot => Change::AcceptOnDemand,
        Constraint::ServiceLevel => Change::LowerServiceLevel(node.service_level),
        Constraint::HardwareUnattested => Change::AcceptHardware(shown(&node.attestation, now)),
        Constraint::ChallengeRefused => Change::AcceptHardware(HardwareClass::Claimed),
        Constraint::GpuModel => Change::AcceptGpuClass(hardware.gpu_class),
        Constraint::Vram => Change::LowerVram(hardware.vram_mib),
        Constraint::GpuCount => Change::LowerGpuCount(hardware.units().0),
        Constraint::Region => Change::AcceptRegion(hardware.region),
        Constraint::Country => Change::AcceptCountry(hardware.country),
        Constraint::ProviderUnwanted => Change::AcceptProvider(entry.view.provider),
        // Whose results are compared must not be one and the same.
        Constraint::SameProvider if job.is_counted() => Change::Wait(only),
        Constraint::SameProvider => Change::AcceptSameProvider,
        Constraint::Simulated => Change::AcceptSimulated,
        Constraint::Cpu => Change::LowerCpu(hardware.cpu_cores),
        Constraint::Memory => Change::LowerMemory(hardware.memory_mib),
        Constraint::Disk => Change::LowerDisk(hardware.disk_mib),
        Constraint::RuntimeMissing => Change::AcceptEngineRuntime,
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
    };
    Suggestion { change, node: address, price }
}

/// What the hardware is still shown to be.
fn shown(attestation: &HardwareAttestation, now: UnixSeconds) -> HardwareClass {
    if attestation.shows(attestation.class, now) { attestation.class } else { HardwareClass::Claimed }
}
