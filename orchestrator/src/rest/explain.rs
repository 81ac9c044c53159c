//! The scheduler's explanation in words.

use millrace_link::rest;
use millrace_protocol::{
    Address, Hardware, HardwareClass, MicroUsdc, Requirements, ServiceLevel, Verification, gpu, region,
};
use millrace_scheduler::{Blocker, Change, Constraint, JobEntry, Lacking, NotServed, Now, Suggestion, TooFew};
use millrace_spec::{Runtime, Version};

use super::count;
use crate::driver::Driver;

/// For a node whose account is gone.
pub(super) const UNKNOWN_HARDWARE: Hardware = Hardware {
    gpu_class: 0,
    gpu_count: 0,
    vram_mib: 0,
    cpu_cores: 0,
    memory_mib: 0,
    disk_mib: 0,
    region: 0,
    country: *b"--",
    simulated: false,
};

pub(super) fn explanation(driver: &Driver, job: Address, entry: &JobEntry) -> Option<rest::Explanation> {
    let explanation = driver.core.explain(driver.clock.now(), job)?;
    let is_service = entry.workload().is_some_and(|workload| workload.service().is_some());
    if is_service && explanation.blockers.first() == Some(&Blocker::NothingToHandOut) {
        // It runs as it should, and has room for successors.
        return None;
    }
    let mut exclusions: Vec<rest::Exclusion> = explanation
        .exclusions
        .iter()
        .map(|(constraint, exclusion)| rest::Exclusion {
            requirement: name(*constraint).to_owned(),
            asked: asked(*constraint, entry),
            nodes: count(exclusion.nodes),
            nodes_excluded_by_this_alone: count(exclusion.alone),
        })
        .collect();
    exclusions.sort_by_key(|exclusion| std::cmp::Reverse(exclusion.nodes));
    let now = driver.clock.now();
    let suggestion = match (explanation.blockers.first(), &explanation.suggestion) {
        (Some(Blocker::DepositExhausted { .. }), Some(suggestion))
            if matches!(suggestion.change, Change::AddToDeposit(_)) =>
        {
            Some(suggest(driver, entry, suggestion))
        }
        // What is lacking is nodes, or money for those that are there.
        (Some(blocker), Some(suggestion))
            if may_be_helped(blocker) && !matches!(suggestion.change, Change::Wait(_)) =>
        {
            Some(format!("{}; or {}", self::blocker(now, blocker), suggest(driver, entry, suggestion)))
        }
        (Some(blocker), _) => Some(self::blocker(now, blocker)),
        (None, suggestion) => suggestion.as_ref().map(|suggestion| suggest(driver, entry, suggestion)),
    };
    Some(rest::Explanation {
        nodes_total: count(explanation.nodes_total),
        nodes_fitting: count(explanation.nodes_fitting),
        exclusions,
        suggestion,
    })
}

fn name(constraint: Constraint) -> &'static str {
    match constraint {
        Constraint::Price => "maximum-price",
        Constraint::NoSpot => "spot",
        Constraint::GpuModel => "gpu-model",
        Constraint::Vram => "vram",
        Constraint::GpuCount => "gpu-count",
        Constraint::Region => "region",
        Constraint::Country => "country",
        Constraint::ProviderUnwanted => "provider",
        Constraint::SameProvider => "different-providers",
        Constraint::Quarantined => "not-quarantined",
        Constraint::Simulated => "real-gpu",
        Constraint::ServiceLevel => "service-level",
        Constraint::HardwareUnattested => "attested-hardware",
        Constraint::ChallengeRefused => "challenge-passed",
        Constraint::Cpu => "cpu",
        Constraint::Memory => "memory",
        Constraint::Disk => "disk",
        Constraint::RuntimeMissing => "runtime",
        Constraint::Driver => "driver",
        Constraint::Cuda => "cuda",
        Constraint::NodeOffline => "node-online",
        Constraint::NodeDraining => "node-active",
        Constraint::NodeFull => "node-free",
        Constraint::StakeTooSmall => "stake",
        Constraint::ProviderNotActive => "provider-active",
        Constraint::ReputationTooLow => "reputation",
        Constraint::AlreadyLeased => "one-lease-per-node",
        Constraint::Resting => "not-refused-lately",
        Constraint::FailedBefore => "not-failed-before",
    }
}

fn asked(constraint: Constraint, entry: &JobEntry) -> String {
    let terms = &entry.view.job.terms;
    let Requirements { gpu_classes, vram_mib, units, regions, .. } = terms.requirements;
    let workload = entry.workload();
    match constraint {
        Constraint::Price => format!("at most {}", terms.maximum_price),
        Constraint::NoSpot => "a spot price".to_owned(),
        Constraint::GpuModel => list(gpu::CLASSES, gpu_classes),
        Constraint::Vram => format!("at least {vram_mib} MiB"),
        Constraint::GpuCount => format!("at least {}", units.0),
        Constraint::Region => list(region::REGIONS, u64::from(regions)),
        Constraint::Country => workload.map_or_else(String::new, |workload| countries(&workload.placement.countries)),
        Constraint::ProviderUnwanted => "a provider that the buyer wants".to_owned(),
        Constraint::SameProvider => "a provider without a lease of this job".to_owned(),
        Constraint::Quarantined => "a worker that did not come and go too often".to_owned(),
        Constraint::Simulated => "no simulated GPUs".to_owned(),
        Constraint::ServiceLevel => level(terms.service_level).to_owned(),
        Constraint::HardwareUnattested => match terms.verification {
            Verification::AttestedHardware { class } => class_name(class).to_owned(),
            _ => String::new(),
        },
        Constraint::ChallengeRefused => "a node that did not fail the last GPU challenge".to_owned(),
        Constraint::Cpu => {
            workload.map_or_else(String::new, |workload| format!("{} cores unused", cores(workload.cpu_milli)))
        }
        Constraint::Memory => {
            workload.map_or_else(String::new, |workload| format!("{} MiB unused", workload.memory_mib))
        }
        Constraint::Disk => workload.map_or_else(String::new, |workload| format!("{} MiB unused", workload.disk_mib)),
        Constraint::RuntimeMissing => {
            workload.and_then(|workload| workload.runtime).map_or("", Runtime::name).to_owned()
        }
        Constraint::Driver => {
            workload.map_or_else(String::new, |workload| format!("at least {}", workload.placement.minimum_driver))
        }
        Constraint::Cuda => {
            workload.map_or_else(String::new, |workload| format!("at least {}", workload.placement.minimum_cuda))
        }
        Constraint::NodeOffline => "a connected worker".to_owned(),
        Constraint::NodeDraining => "a node that takes work".to_owned(),
        Constraint::NodeFull => format!("{} GPU(s) not leased", units.0),
        Constraint::StakeTooSmall => "a free stake that covers the bond".to_owned(),
        Constraint::ProviderNotActive => "a provider that takes work".to_owned(),
        Constraint::ReputationTooLow => "a provider with the least reputation for its hardware".to_owned(),
        Constraint::AlreadyLeased => "a node without a lease of this job".to_owned(),
        Constraint::Resting => "a node that did not just refuse".to_owned(),
        Constraint::FailedBefore => "a node that has not failed this job, if there is one".to_owned(),
    }
}

fn cores(milli: u32) -> String {
    format!("{}.{:03}", milli / 1_000, milli % 1_000)
}

fn level(level: ServiceLevel) -> &'static str {
    match level {
        ServiceLevel::None => "none",
        ServiceLevel::Silver => "silver",
        ServiceLevel::Gold => "gold",
    }
}

fn class_name(class: HardwareClass) -> &'static str {
    match class {
        HardwareClass::Claimed => "claimed only",
        HardwareClass::Challenged => "challenged",
        HardwareClass::Enclave => "an enclave",
    }
}

fn list(names: &[&str], mask: u64) -> String {
    let chosen = names.iter().enumerate().filter(|(index, _)| mask >> index & 1 == 1).map(|(_, name)| *name);
    chosen.collect::<Vec<_>>().join(", ")
}

fn countries(codes: &[[u8; 2]]) -> String {
    codes.iter().map(|code| String::from_utf8_lossy(code)).collect::<Vec<_>>().join(", ")
}

/// Whether what is suggested takes away what blocks the job.
fn may_be_helped(blocker: &Blocker) -> bool {
    matches!(blocker, Blocker::DepositExhausted { .. } | Blocker::GangIncomplete { .. } | Blocker::ProvidersLacking(_))
}

fn suggest(driver: &Driver, entry: &JobEntry, suggestion: &Suggestion) -> String {
    let owner = driver.core.node(suggestion.node);
    let name = owner.and_then(|entry| driver.book.provider(entry.view.provider)).map(|owner| &owner.display_name);
    let whose = name.map_or_else(|| suggestion.node.to_string(), |name| format!("{name}'s node {}", suggestion.node));
    let change = match suggestion.change {
        Change::AddToDeposit(amount) => format!("add at least {amount} to the deposit with `millrace job extend`"),
        Change::RaisePrice(price) => format!("raise the maximum price to {price}"),
        Change::AcceptGpuClass(class) => format!("accept the GPU model {} as well", gpu::slug(class).unwrap_or("?")),
        Change::LowerVram(mib) => format!("ask for at most {mib} MiB of VRAM"),
        Change::LowerGpuCount(count) => format!("ask for at most {count} GPU(s)"),
        Change::AcceptRegion(code) => format!("accept the region {} as well", region::slug(code).unwrap_or("?")),
        Change::AcceptCountry(country) => format!("accept the country {} as well", countries(&[country])),
        Change::AcceptProvider(provider) => format!("accept the provider {provider} as well"),
        Change::AcceptSameProvider => "accept several leases with one provider".to_owned(),
        Change::AcceptSimulated => "accept simulated GPUs".to_owned(),
        Change::AcceptOnDemand => "leave out `spot`".to_owned(),
        Change::LowerServiceLevel(offered) => format!("ask for the service level {}", level(offered)),
        Change::AcceptHardware(class) => format!("accept hardware that is {}", class_name(class)),
        Change::LowerCpu(milli) => format!("ask for at most {} CPU cores", cores(milli)),
        Change::LowerMemory(mib) => format!("ask for at most {mib} MiB of memory"),
        Change::LowerDisk(mib) => format!("ask for at most {mib} MiB of disk"),
        Change::AcceptEngineRuntime => "leave out `runtime`".to_owned(),
        Change::LowerDriver(Version::NONE) => "leave out `minimum_driver`".to_owned(),
        Change::LowerDriver(driver) => format!("ask for a driver of at most {driver}"),
        Change::LowerCuda(Version::NONE) => "leave out `minimum_cuda`".to_owned(),
        Change::LowerCuda(cuda) => format!("ask for a CUDA of at most {cuda}"),
        Change::Wait(constraint) => return format!("wait: {whose} fits but for `{}`", self::name(constraint)),
    };
    let all_at_once = entry.is_counted() || entry.workload().is_some_and(|workload| workload.gang().is_some());
    let wins = if all_at_once { "would be one of enough nodes, at" } else { "would take it at" };
    format!("{change}: {whose} {wins} {}", suggestion.price)
}

fn blocker(now: Now, blocker: &Blocker) -> String {
    let seconds = |at: u64| at.saturating_sub(now.millis).div_ceil(1_000);
    let passed = |since: u64| now.millis.saturating_sub(since) / 1_000;
    let place = |region: Option<u8>| region.and_then(region::slug).unwrap_or("all regions");
    match blocker {
        Blocker::NotServed(NotServed::ForeignAttestor(attestor)) => format!(
            "nothing here: only vouchers of {attestor} count, and this orchestrator cannot sign them; award leases \
             yourself, or cancel"
        ),
        Blocker::NotServed(NotServed::SpotCheckedShape) => {
            "open a job without `spot-check`: results of gangs, services and auctioned leases are not compared"
                .to_owned()
        }
        Blocker::NotServed(NotServed::CheckWindow { window, least }) => format!(
            "open a job with a dispute window of at least {} s: in {} s not every task could run again and be disputed, \
             as long as its leases may take",
            least.0, window.0
        ),
        Blocker::NotServed(NotServed::CountedShape) => {
            "open a job with `quorum` without `service`, `gang` and `auction`: results are counted of tasks that run one \
             by one, at posted prices"
                .to_owned()
        }
        Blocker::ParametersUnknown => "wait: the network's parameters are being read".to_owned(),
        Blocker::SpecMissing(Some(cause)) => format!("wait: the spec is not here yet ({})", cause.message),
        Blocker::SpecMissing(None) => "wait: the spec is being fetched".to_owned(),
        Blocker::Ended(_) => "nothing: the job is over".to_owned(),
        Blocker::StartDeadlinePassed(_) => {
            "open a new job with a longer start window: this one's start deadline has passed".to_owned()
        }
        Blocker::DepositExhausted { available: MicroUsdc(0) } => {
            "open a new job with a larger deposit: nothing is left of this one's".to_owned()
        }
        Blocker::DepositExhausted { available } => {
            format!("add to the deposit with `millrace job extend`: {available} does not cover another lease")
        }
        Blocker::ConcurrencyReached { live, silent: 0 } => {
            format!("nothing: it runs on {live} node(s), as many as it allows")
        }
        Blocker::ConcurrencyReached { live, silent } => format!(
            "wait: {silent} of its {live} lease(s) are silent and end at their deadline; more concurrent leases would \
             not have to wait"
        ),
        Blocker::AttemptsExhausted { failed, retries } => format!(
            "open a new job with more retries: {failed} attempt(s) failed where {retries} may, so no further lease can \
             be opened"
        ),
        Blocker::LeaseEnding => "wait: a lease is being settled, which takes a few seconds".to_owned(),
        Blocker::OfferPending { node } => format!("wait: a lease is being agreed on with {node}"),
        Blocker::AwaitsNotice { node, leases: 0, .. } => {
            format!("wait: node {node} is kept for it until its worker is back")
        }
        Blocker::AwaitsNotice { node, leases, until } => format!(
            "wait: {leases} spot lease(s) on node {node} were given notice for it, which is over in {} s",
            until.since(now.chain).0
        ),
        Blocker::AuctionOpen { invited, bids, closes_at } => format!(
            "wait: {bids} of {invited} nodes have bid for a lease, and the auction ends in {} s at most",
            closes_at.saturating_sub(now.millis).div_ceil(1_000)
        ),
        Blocker::AuctionPausing { failures, again_at } => format!(
            "wait: {failures} auctions in a row led to no lease, and nodes may bid again in {} s",
            again_at.saturating_sub(now.millis).div_ceil(1_000)
        ),
        Blocker::NothingToHandOut => "nothing: every task is done or with a node".to_owned(),
        Blocker::SpotChecks { open, running, until: None } => {
            format!("wait: {open} task(s) run again to be compared, {running} of them now")
        }
        Blocker::SpotChecks { open, running, until: Some(until) } => format!(
            "wait: {open} task(s) run again to be compared, {running} of them now; where no node of another provider is \
             there in {} s, they are not compared",
            until.since(now.chain).0
        ),
        Blocker::After { job, known: true } => format!("wait: {job} comes first"),
        Blocker::After { job, known: false } => format!("wait: {job} comes first, and nobody has seen it yet"),
        Blocker::Restarting { tasks, times, again_at } => format!(
            "look at the logs: {tasks} task(s) ended by themselves, one of them {times} time(s) in a row, and \
             start again in {} s",
            seconds(*again_at)
        ),
        Blocker::GangIncomplete { lacking: Lacking { size, placeable, region }, since, kept_from } => {
            let anywhere = if region.is_some() { ", or let the gang be anywhere" } else { "" };
            let kept = match seconds(*kept_from) {
                0 => "those that come free are kept for one gang at a time".to_owned(),
                left => format!("those that come free may be kept for it in {left} s"),
            };
            format!(
                "wait{anywhere}: {size} nodes must be free at a time, and {placeable} of them could be had in {}; it \
                 has waited for {} s, and {kept}",
                place(*region),
                passed(*since)
            )
        }
        Blocker::GangAssembling { joined, size } => {
            format!("wait: {joined} of the gang's {size} members have their lease, the others' nodes are kept")
        }
        Blocker::GangHolding { held, size, region, since, until } => format!(
            "wait: {held} of the {size} nodes it needs are free in {} and kept for it, since {} s and for {} s more at \
             most",
            place(*region),
            passed(*since),
            seconds(*until)
        ),
        Blocker::GangPausing { failures, again_at } => format!(
            "wait: {failures} set(s) of nodes in a row could not be brought together; the next is tried in {} s",
            seconds(*again_at)
        ),
        Blocker::GangDisbanding => {
            "wait: a member was lost, and the others are let go before all begin anew".to_owned()
        }
        Blocker::ProvidersLacking(TooFew { providers, fitting }) => format!(
            "wait, or ask for a smaller quorum: a round takes nodes of {providers} providers at a time, and {fitting} \
             have one that fits"
        ),
        Blocker::RoundOpen { round, size, joined, committed, revealed, until } => format!(
            "nothing: in round {round} {joined} of {size} members work or have a result, {committed} have committed to \
             it and {revealed} have shown it; it is counted in {} s at the latest",
            until.since(now.chain).0
        ),
        Blocker::RoundCounted { round, decided: true } => {
            format!("nothing: round {round} is decided, and its members are being settled")
        }
        Blocker::RoundCounted { round, decided: false } => {
            format!("nothing: no result of round {round} had enough votes; the next begins when it is settled")
        }
    }
}
