//! Which leases a rig takes. The chain and the scheduler have checked before; a node that signs
//! what it cannot keep pays with its bond, so it checks for itself.

mod extension;

pub use extension::{Extension, check_extension};

use millrace_protocol::{
    Address, BasisPoints, Diagnostic, GpuUnits, Hardware, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds, money,
};
use millrace_spec::{Runtime, Sha256};
use thiserror::Error;

use crate::bids::Standing;
use crate::{Agent, GpuFault, Lease, LeasePhase, LeaseTerms};

/// The longest that a bid binds the rig: longer than an auction and its leases take, and clocks may differ by minutes.
const LONGEST_BID: Seconds = Seconds(900);

/// What the owner lets the rig be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rig {
    pub hardware: Hardware,
    /// The node's posted price: the least it works for.
    pub price: PricePerGpuHour,
    /// The least it works for under leases that may be preempted; `None`: it takes none.
    pub spot_price: Option<PricePerGpuHour>,
    /// Whether others than the network's scheduler may attest its time.
    pub any_attestor: bool,
    /// What it bids in auctions, as a share of its posted price; `None`: it does not bid.
    pub bid_share: Option<BasisPoints>,
    /// The longest lease it takes.
    pub longest: Seconds,
    /// Whether containers may have a network.
    pub network: bool,
    /// Whether containers can run under gVisor.
    pub gvisor: bool,
    /// Takes no further lease because its owner says so; keeps those it has.
    pub draining: bool,
    /// The same because of what the worker found at its start, such as that a GPU is missing or that what gives GPUs to
    /// containers lets programs out of them. Nothing that is said to a worker changes it: another worker looks again.
    pub unfit: bool,
    /// Disk that is never given to jobs.
    pub disk_reserve_mib: u64,
}

impl Rig {
    /// What its engine has beside its own runtime.
    pub fn runtimes(&self) -> &'static [Runtime] {
        if self.gvisor { &[Runtime::Gvisor] } else { &[] }
    }

    /// Whether it takes no further lease, of whatever kind.
    pub fn takes_no_more(&self) -> bool {
        self.draining || self.unfit
    }
}

/// A lease that the scheduler offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub lease: Address,
    pub job: Address,
    pub spec: Sha256,
    pub attestor: Address,
    /// The network's.
    pub scheduler: Address,
    pub spot: bool,
    pub price: PricePerGpuHour,
    /// Whether the price is said to be the rig's bid in an auction.
    pub auctioned: bool,
    pub units: GpuUnits,
    pub maximum: Seconds,
    /// What one container of the job may use.
    pub cpu_millis: u32,
    pub memory_mib: u32,
    /// With what encryption takes beside it ([`millrace_spec::JobSpec::promised_disk_mib`]).
    pub disk_mib: u64,
    pub network: bool,
    pub runtime: Option<Runtime>,
    pub accept_simulated: bool,
}

/// Why a rig does not take a lease.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    #[error("the rig takes no further work")]
    Draining,
    #[error("something about the rig is to be mended before it takes any lease")]
    Unfit,
    #[error("GPU {gpu} of the rig is out of order: {fault}")]
    GpuFaulty { gpu: u16, fault: GpuFault },
    #[error("the offer is {offered}, the rig asks {asked}")]
    PriceTooLow { offered: PricePerGpuHour, asked: PricePerGpuHour },
    #[error("the offer is at a bid of {offered}, and the rig has not bid that for the job")]
    BidUnknown { offered: PricePerGpuHour },
    #[error("the rig's bid of {offered} was good for a moment that is over")]
    BidExpired { offered: PricePerGpuHour },
    #[error("the rig has given another lease at its bid of {offered}")]
    BidUsed { offered: PricePerGpuHour },
    #[error("the rig does not bid in auctions")]
    NoBids,
    #[error("the rig would bid {bid}, and the job pays {maximum} at most")]
    BidOverMaximum { bid: PricePerGpuHour, maximum: PricePerGpuHour },
    #[error("the bid is to be good until {} s since 1970, which is past by the rig's clock, or far away", until.0)]
    BidOutOfTime { until: UnixSeconds },
    #[error("the rig takes no lease that may be preempted")]
    NoSpot,
    #[error("{attestor} would attest the rig's time, who is not the network's scheduler")]
    ForeignAttestor { attestor: Address },
    #[error("the lease earns less than a millionth of a USDC")]
    Worthless,
    #[error("the lease asks for {} GPUs, {} are free", asked.0, free.0)]
    UnitsTaken { asked: GpuUnits, free: GpuUnits },
    #[error("the lease asks for {asked} thousandths of a CPU core, {free} are free")]
    CpuTaken { asked: u32, free: u32 },
    #[error("the lease asks for {asked} MiB of memory, {free} are free")]
    MemoryTaken { asked: u32, free: u32 },
    #[error("the lease asks for {asked} MiB of disk, {free} are free")]
    DiskFull { asked: u64, free: u64 },
    #[error("the lease may last {} s, the rig takes at most {} s", asked.0, longest.0)]
    TooLong { asked: Seconds, longest: Seconds },
    #[error("the job asks for a network, which this rig does not give")]
    NetworkForbidden,
    #[error("the rig's engine does not have the runtime `{}`", .runtime.name())]
    RuntimeMissing { runtime: Runtime },
    #[error("the job does not accept simulated GPUs")]
    Simulated,
    #[error("the rig holds this lease already")]
    AlreadyHeld,
    #[error("the rig does not hold this lease, or it ends")]
    NotHeld,
    #[error("the lease on chain is not what the rig agreed to")]
    TermsDiffer,
    #[error(transparent)]
    Rules(#[from] millrace_protocol::Error),
}

impl Diagnostic for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Draining => "rig-draining",
            Self::Unfit => "rig-unsafe",
            Self::GpuFaulty { .. } => "gpu-faulty",
            Self::PriceTooLow { .. } => "price-too-low",
            Self::BidUnknown { .. } => "bid-unknown",
            Self::BidExpired { .. } => "bid-expired",
            Self::BidUsed { .. } => "bid-used",
            Self::NoBids => "bids-off",
            Self::BidOverMaximum { .. } => "bid-over-maximum",
            Self::BidOutOfTime { .. } => "bid-out-of-time",
            Self::NoSpot => "spot-refused",
            Self::ForeignAttestor { .. } => "attestor-foreign",
            Self::Worthless => "lease-worthless",
            Self::UnitsTaken { .. } => "units-taken",
            Self::CpuTaken { .. } => "cpu-taken",
            Self::MemoryTaken { .. } => "memory-taken",
            Self::DiskFull { .. } => "disk-full",
            Self::TooLong { .. } => "lease-too-long",
            Self::NetworkForbidden => "network-forbidden",
            Self::RuntimeMissing { .. } => "runtime-missing",
            Self::Simulated => "rig-simulated",
            Self::AlreadyHeld => "lease-held",
            Self::NotHeld => "lease-not-held",
            Self::TermsDiffer => "lease-terms-differ",
            Self::Rules(source) => source.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Draining | Self::Unfit | Self::GpuFaulty { .. } => "offer it to another node",
            Self::PriceTooLow { .. } => "offer at least the node's posted price",
            Self::Worthless => "offer a longer lease or a higher price",
            Self::UnitsTaken { .. } | Self::CpuTaken { .. } | Self::MemoryTaken { .. } => {
                "wait until a lease of the node ends, or offer it to another node"
            }
            Self::DiskFull { .. } => "the rig's owner should free disk space; offer it to another node",
            Self::TooLong { .. } => "offer a shorter lease",
            Self::ForeignAttestor { .. } => "offer it to a node whose owner trusts the attestor",
            Self::NetworkForbidden | Self::RuntimeMissing { .. } | Self::Simulated | Self::NoSpot => {
                "offer it to another node"
            }
            Self::BidUnknown { .. } | Self::BidUsed { .. } => "offer it at a bid that the node has made",
            Self::BidExpired { .. } | Self::NoBids | Self::BidOverMaximum { .. } => "take another node's bid",
            Self::BidOutOfTime { .. } => "the rig's owner should set its clock",
            Self::AlreadyHeld => "send its tasks; there is nothing to sign again",
            Self::NotHeld => "open another lease",
            Self::TermsDiffer => "this is a defect: report it",
            Self::Rules(source) => return source.hint(),
        }
        .to_owned()
    }
}

/// Checks an offer against what the rig has and what it has promised already. `free_disk_mib` is what nobody has written
/// to, and what live leases have filled of what they were promised.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn check(
    rig: &Rig,
    agent: &Agent,
    offer: &Offer,
    free_disk_mib: u64,
    now: UnixSeconds,
) -> Result<LeaseTerms, Refusal> {
    // An offer whose transaction did not land comes again, under the same address.
    if agent.lease(&offer.lease).is_some_and(|lease| lease.phase() != LeasePhase::Offered) {
        return Err(Refusal::AlreadyHeld);
    }
    takes_work(rig, agent)?;
    // Whoever attests decides what is paid.
    if offer.attestor != offer.scheduler && !rig.any_attestor {
        return Err(Refusal::ForeignAttestor { attestor: offer.attestor });
    }
    is_priced_well(rig, agent, offer, now)?;
    has_room(rig, agent, offer, free_disk_mib)?;
    Ok(LeaseTerms {
        job: offer.job,
        spec: offer.spec,
        attestor: offer.attestor,
        gpus: free_gpus(rig, agent, offer),
        price: offer.price,
        units: offer.units,
        maximum: offer.maximum,
        cpu_millis: offer.cpu_millis,
        memory_mib: offer.memory_mib,
        disk_mib: offer.disk_mib,
        accepted_at: now,
    })
}

/// What the rig bids for a lease like this one, whose price and address do not matter, where the job pays `maximum`
/// at most and the bid is to be good until `until`. It binds the rig to nothing but the price: an offer at it is
/// checked like any other.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn bid(
    rig: &Rig,
    agent: &Agent,
    wanted: &Offer,
    (maximum, until): (PricePerGpuHour, UnixSeconds),
    free_disk_mib: u64,
    now: UnixSeconds,
) -> Result<PricePerGpuHour, Refusal> {
    let share = rig.bid_share.ok_or(Refusal::NoBids)?;
    takes_work(rig, agent)?;
    if until <= now || until.since(now) > LONGEST_BID {
        return Err(Refusal::BidOutOfTime { until });
    }
    let price = u128::from(rig.price.0) * u128::from(share.0) / u128::from(BasisPoints::WHOLE.0);
    let price = PricePerGpuHour(u64::try_from(price).unwrap_or(u64::MAX).max(1));
    if price > maximum {
        return Err(Refusal::BidOverMaximum { bid: price, maximum });
    }
    has_room(rig, agent, &Offer { price, ..*wanted }, free_disk_mib)?;
    Ok(price)
}

/// Whether its owner and its software let it take on anything at all.
fn is_open(rig: &Rig) -> Result<(), Refusal> {
    if rig.draining {
        return Err(Refusal::Draining);
    }
    if rig.unfit { Err(Refusal::Unfit) } else { Ok(()) }
}

fn takes_work(rig: &Rig, agent: &Agent) -> Result<(), Refusal> {
    is_open(rig)?;
    match agent.faulty_gpus().next() {
        Some((gpu, fault)) => Err(Refusal::GpuFaulty { gpu, fault }),
        None => Ok(()),
    }
}

/// A bid is taken at its word, and at nothing else: also a better price than the posted one must have been bid.
fn is_priced_well(rig: &Rig, agent: &Agent, offer: &Offer, now: UnixSeconds) -> Result<(), Refusal> {
    let offered = offer.price;
    if offer.auctioned {
        return match agent.bids.standing(offer.job, offered, offer.lease, now) {
            Standing::Good => Ok(()),
            Standing::Unknown => Err(Refusal::BidUnknown { offered }),
            Standing::Expired => Err(Refusal::BidExpired { offered }),
            Standing::Used => Err(Refusal::BidUsed { offered }),
        };
    }
    let asked = if offer.spot { rig.spot_price.ok_or(Refusal::NoSpot)? } else { rig.price };
    if offered < asked { Err(Refusal::PriceTooLow { offered, asked }) } else { Ok(()) }
}

fn has_room(rig: &Rig, agent: &Agent, offer: &Offer, free_disk_mib: u64) -> Result<(), Refusal> {
    if !money::cost(offer.price, offer.units, offer.maximum).is_ok_and(|cost| cost > MicroUsdc::ZERO) {
        return Err(Refusal::Worthless);
    }
    if offer.maximum > rig.longest {
        return Err(Refusal::TooLong { asked: offer.maximum, longest: rig.longest });
    }
    if offer.network && !rig.network {
        return Err(Refusal::NetworkForbidden);
    }
    if let Some(runtime) = offer.runtime.filter(|runtime| !rig.runtimes().contains(runtime)) {
        return Err(Refusal::RuntimeMissing { runtime });
    }
    if rig.hardware.simulated && !offer.accept_simulated {
        return Err(Refusal::Simulated);
    }
    let taken = others(agent, offer).fold(0u16, |sum, lease| sum.saturating_add(lease.terms.units.0));
    let free = rig.hardware.units().saturating_minus(GpuUnits(taken));
    if offer.units == GpuUnits::ZERO || offer.units > free {
        return Err(Refusal::UnitsTaken { asked: offer.units, free });
    }
    host_resources(rig, agent, offer)?;
    let promised = others(agent, offer).fold(0u64, |sum, lease| sum.saturating_add(lease.terms.disk_mib));
    let free = free_disk_mib.saturating_sub(rig.disk_reserve_mib).saturating_sub(promised);
    if offer.disk_mib > free {
        return Err(Refusal::DiskFull { asked: offer.disk_mib, free });
    }
    Ok(())
}

/// The first GPUs that no live lease has; none on a rig without any.
fn free_gpus(rig: &Rig, agent: &Agent, offer: &Offer) -> Vec<u16> {
    let is_free = |gpu: &u16| !others(agent, offer).any(|lease| lease.terms.gpus.contains(gpu));
    (0..rig.hardware.gpu_count).filter(is_free).take(usize::from(offer.units.0)).collect()
}

fn others<'a>(agent: &'a Agent, offer: &'a Offer) -> impl Iterator<Item = &'a Lease> {
    agent.live_leases().filter(|(address, _)| *address != offer.lease).map(|(_, lease)| lease)
}

/// CPU and memory are promised once, like GPUs: one container runs per lease.
fn host_resources(rig: &Rig, agent: &Agent, offer: &Offer) -> Result<(), Refusal> {
    let sum = |pick: fn(&LeaseTerms) -> u32| {
        others(agent, offer).fold(0u32, |sum, lease| sum.saturating_add(pick(&lease.terms)))
    };
    let cores = u32::from(rig.hardware.cpu_cores).saturating_mul(1_000);
    let free = cores.saturating_sub(sum(|terms| terms.cpu_millis));
    if offer.cpu_millis > free {
        return Err(Refusal::CpuTaken { asked: offer.cpu_millis, free });
    }
    let free = rig.hardware.memory_mib.saturating_sub(sum(|terms| terms.memory_mib));
    if offer.memory_mib > free {
        return Err(Refusal::MemoryTaken { asked: offer.memory_mib, free });
    }
    Ok(())
}
