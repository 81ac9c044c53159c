use millrace_protocol::{Address, Job, Lease as OnChain, Seconds, UnixSeconds, transitions};

use super::{Refusal, Rig, is_open};
use crate::{Agent, LeasePhase};

/// More time that the scheduler proposes for a lease, beside what the chain has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    pub lease: Address,
    pub job: Address,
    pub more: Seconds,
    /// Whether the lease's price is the rig's bid in an auction.
    pub auctioned: bool,
    pub on_chain: OnChain,
    /// The job, as the chain has it.
    pub rules: Job,
    /// The chain's own time.
    pub clock: UnixSeconds,
}

/// Checks more time for a lease that the rig holds, and says how long that may be in all then: what was signed before
/// and did not land yet may still do so. What the lease has of the
/// rig it keeps, so there is room for it; its owner may want it back, or more for it than when it was signed.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn check_extension(rig: &Rig, agent: &Agent, extension: &Extension, now: UnixSeconds) -> Result<Seconds, Refusal> {
    let held = agent.lease(&extension.lease).filter(|lease| lease.phase() == LeasePhase::Held);
    let lease = held.filter(|lease| lease.notice().is_none()).ok_or(Refusal::NotHeld)?;
    is_open(rig)?;
    if let Some((gpu, fault)) = agent.faulty_gpus().find(|(gpu, _)| lease.terms.gpus.contains(gpu)) {
        return Err(Refusal::GpuFaulty { gpu, fault });
    }
    let on_chain = extension.on_chain;
    let agreed = (lease.terms.job, lease.terms.price, lease.terms.units);
    if agreed != (extension.job, on_chain.price, on_chain.units) || on_chain.maximum < lease.terms.maximum {
        return Err(Refusal::TermsDiffer);
    }
    if !extension.auctioned {
        let asked = if extension.rules.terms.spot { rig.spot_price.ok_or(Refusal::NoSpot)? } else { rig.price };
        if on_chain.price < asked {
            return Err(Refusal::PriceTooLow { offered: on_chain.price, asked });
        }
    }
    transitions::extend_lease(&mut extension.rules.clone(), &mut on_chain.clone(), extension.more, extension.clock)?;
    let asked = lease.promised(now).unwrap_or_default().max(on_chain.maximum).plus(extension.more)?;
    if asked > rig.longest {
        return Err(Refusal::TooLong { asked, longest: rig.longest });
    }
    Ok(asked)
}
