use millrace_protocol::{
    BasisPoints, GpuUnits, JobTerms, MicroUsdc, Payment, PricePerGpuHour, Requirements, Seconds, ServiceLevel,
    Verification, gpu, region,
};

use super::document::{Budget, Document, Resources};
use super::verification::verification;
use super::work::Work;
use super::wrong;
use crate::Error;
use crate::quantity::{parse_mib, parse_seconds, parse_usdc};

/// How long the report of a lease may be disputed where pay or a re-run depends on it and the file does
/// not say.
const DISPUTE_WINDOW: Seconds = Seconds(3_600);
/// What the window of a spot check has beside a whole lease where the file does not say: for a rig to be found and to
/// start, and for the dispute.
const CHECK_ROOM: Seconds = Seconds(900);
/// The protocol's longest.
const LONGEST_DISPUTE_WINDOW: Seconds = Seconds(7 * 86_400);

/// What the buyer asks of the chain. A `deposit` left out is the worst case of all concurrent leases, and of the share
/// of them that spot checks run again.
///
/// # Errors
/// [`Error::Field`], [`Error::Terms`].
pub(super) fn terms(document: &Document, work: &Work) -> Result<JobTerms, Error> {
    let (resources, budget) = (&document.resources, &document.budget);
    let verification = verification(&document.verification)?;
    let payment = payment(budget, verification)?;
    let lease_seconds = duration("budget.lease", &budget.lease)?;
    let mut terms = JobTerms {
        requirements: requirements(resources)?,
        maximum_price: PricePerGpuHour(money("budget.maximum_price", &budget.maximum_price)?.0),
        concurrent_leases: concurrent_leases(budget, work, verification)?,
        lease_seconds,
        start_window: start_window(document)?,
        retries: budget.retries.unwrap_or_else(|| work.lease_retries()),
        deposit: MicroUsdc::ZERO,
        spot: budget.spot,
        service_level: service_level(&resources.service_level)?,
        payment,
        verification,
        dispute_window: dispute_window(budget, payment, (verification, lease_seconds))?,
    };
    terms.deposit = match &budget.deposit {
        Some(text) => money("budget.deposit", text)?,
        None => {
            let leases = u64::from(terms.concurrent_leases) + checked_leases(&terms);
            let all = terms.worst_case()?.0.checked_mul(leases);
            MicroUsdc(all.ok_or(millrace_protocol::Error::Overflow)?)
        }
    };
    Ok(terms)
}

/// Leases in which spot checks run again what all concurrent ones do: their share, rounded up.
fn checked_leases(terms: &JobTerms) -> u64 {
    match terms.verification {
        Verification::SpotCheck { share } => {
            (u64::from(terms.concurrent_leases) * u64::from(share.0)).div_ceil(u64::from(BasisPoints::WHOLE.0))
        }
        _ => 0,
    }
}

/// A job that waits for others may have to wait for long.
fn start_window(document: &Document) -> Result<Seconds, Error> {
    let waits = !(document.after.is_empty() && document.after_ended.is_empty());
    let default = if waits { "7d" } else { "15m" };
    duration("budget.start_window", document.budget.start_window.as_deref().unwrap_or(default))
}

fn money(field: &'static str, text: &str) -> Result<MicroUsdc, Error> {
    parse_usdc(text).ok_or_else(|| wrong(field, text, "USDC with at most six decimals, such as `2.50`"))
}

fn duration(field: &'static str, text: &str) -> Result<Seconds, Error> {
    parse_seconds(text).ok_or_else(|| wrong(field, text, "a duration such as `90s`, `15m` or `2h`"))
}

fn requirements(resources: &Resources) -> Result<Requirements, Error> {
    let mut gpu_classes = 0;
    for model in &resources.gpu_models {
        let class = gpu::class(model).and_then(gpu::bit);
        gpu_classes |= class
            .ok_or_else(|| wrong("resources.gpu_models", model, "a model that `millrace node add --help` lists"))?;
    }
    let mut regions = 0;
    for name in &resources.regions {
        let bit = region::region(name).and_then(region::bit);
        regions |=
            bit.ok_or_else(|| wrong("resources.regions", name, "a region that `millrace node add --help` lists"))?;
    }
    let vram = resources.vram.as_deref().unwrap_or("0MiB");
    Ok(Requirements {
        gpu_classes,
        vram_mib: parse_mib(vram).ok_or_else(|| wrong("resources.vram", vram, "a size such as `8GiB`"))?,
        units: GpuUnits(resources.gpus),
        regions,
        accept_simulated: resources.accept_simulated_gpus,
    })
}

fn service_level(name: &str) -> Result<ServiceLevel, Error> {
    match name {
        "none" => Ok(ServiceLevel::None),
        "silver" => Ok(ServiceLevel::Silver),
        "gold" => Ok(ServiceLevel::Gold),
        _ => Err(wrong("resources.service_level", name, "`none`, `silver` or `gold`")),
    }
}

/// A quorum compares results before anybody is paid.
fn payment(budget: &Budget, verification: Verification) -> Result<Payment, Error> {
    match (budget.payment.as_deref(), verification.is_quorum()) {
        (None, false) | (Some("streaming"), false) => Ok(Payment::Streaming),
        (None, true) | (Some("on-result"), _) => Ok(Payment::OnResult),
        (Some("streaming"), true) => Err(wrong("budget.payment", "streaming", "`on-result` with a quorum")),
        (Some(other), _) => Err(wrong("budget.payment", other, "`streaming` or `on-result`")),
    }
}

/// A quorum runs on as many rigs at a time as it has members, a gang or a service on as many as it says.
fn concurrent_leases(budget: &Budget, work: &Work, verification: Verification) -> Result<u16, Error> {
    if work.shape.is_some() {
        return match budget.concurrent_leases {
            Some(leases) if u32::from(leases) != work.tasks => {
                let expected = "left out: the gang or the service says how many run at a time";
                Err(wrong("budget.concurrent_leases", &leases.to_string(), expected))
            }
            // A gang that is too large is refused by its count.
            _ => Ok(u16::try_from(work.tasks).unwrap_or(u16::MAX)),
        };
    }
    match (verification, budget.concurrent_leases) {
        (Verification::Quorum { size, .. }, None) => Ok(size.into()),
        (Verification::Quorum { size, .. }, Some(leases)) if leases != u16::from(size) => {
            Err(wrong("budget.concurrent_leases", &leases.to_string(), "left out, or the quorum's `size`"))
        }
        (_, leases) => Ok(leases.unwrap_or(1)),
    }
}

fn dispute_window(
    budget: &Budget,
    payment: Payment,
    (verification, lease): (Verification, Seconds),
) -> Result<Seconds, Error> {
    let is_spot_check = matches!(verification, Verification::SpotCheck { .. });
    let Some(text) = &budget.dispute_window else {
        let disputable = !verification.is_quorum() && (payment == Payment::OnResult || is_spot_check);
        let with_check = Seconds(lease.0.saturating_add(CHECK_ROOM.0).min(LONGEST_DISPUTE_WINDOW.0));
        return Ok(match disputable {
            true if is_spot_check => DISPUTE_WINDOW.max(with_check),
            true => DISPUTE_WINDOW,
            false => Seconds::ZERO,
        });
    };
    let window = duration("budget.dispute_window", text)?;
    if window > LONGEST_DISPUTE_WINDOW {
        return Err(wrong("budget.dispute_window", text, "at most `7d`"));
    }
    if is_spot_check && window == Seconds::ZERO {
        return Err(wrong("budget.dispute_window", text, "over `0s`: a spot check that finds something disputes it"));
    }
    if verification.is_quorum() && window > Seconds::ZERO {
        return Err(wrong("budget.dispute_window", text, "left out: a quorum's results are counted, not disputed"));
    }
    Ok(window)
}
