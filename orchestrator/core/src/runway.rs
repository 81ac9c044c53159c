//! How long a job's money lasts.

use millrace_protocol::{Address, GpuUnits, MicroUsdc, PricePerGpuHour, Seconds, money};
use serde::{Deserialize, Serialize};

use crate::bisection::greatest;
use crate::{Core, LeaseEntry};

/// What a job's live leases have before them, at the prices they were opened at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runway {
    /// Leases that are paid for now.
    pub leases: u16,
    /// What they cost together in an hour.
    pub hourly: MicroUsdc,
    /// What of the deposit is not spent yet.
    pub unspent: MicroUsdc,
    /// For how long that is enough; at most ten years.
    pub lasts: Seconds,
}

const LONGEST: u64 = 10 * 365 * 86_400;

impl Core {
    /// None for a job that is over, has no lease, or whose books do not add up.
    pub fn runway(&self, job: Address) -> Option<Runway> {
        let entry = self.jobs.get(&job).filter(|entry| entry.outcome.is_none())?;
        let live: Vec<&LeaseEntry> = self
            .open_leases
            .of_job(job)
            .filter_map(|lease| self.leases.get(&lease))
            .filter(|lease| lease.is_working())
            .collect();
        let mut unspent = entry.view.job.available().ok()?;
        for lease in &live {
            unspent = unspent.plus(unspent_of(lease)?).ok()?;
        }
        let prices: Vec<(PricePerGpuHour, GpuUnits)> =
            live.iter().map(|lease| (lease.view.lease.price, lease.view.lease.units)).collect();
        let hourly = cost(&prices, 3_600).filter(|hourly| *hourly > MicroUsdc::ZERO)?;
        let lasts = greatest(LONGEST, |seconds| cost(&prices, seconds).is_some_and(|cost| cost <= unspent));
        let leases = u16::try_from(live.len()).unwrap_or(u16::MAX);
        Some(Runway { leases, hourly, unspent, lasts: Seconds(lasts) })
    }
}

/// What of a lease's reserve its meter has not used up.
fn unspent_of(entry: &LeaseEntry) -> Option<MicroUsdc> {
    let lease = &entry.view.lease;
    let ran = Seconds(entry.meter.millis / 1_000).min(lease.maximum);
    let used = money::cost(lease.price, lease.units, ran).ok()?;
    let whole = lease.reserved.plus(lease.paid).ok()?;
    whole.minus(used.max(lease.paid)).ok()
}

fn cost(prices: &[(PricePerGpuHour, GpuUnits)], seconds: u64) -> Option<MicroUsdc> {
    let costs = prices.iter().map(|(price, units)| money::cost(*price, *units, Seconds(seconds)));
    costs.into_iter().try_fold(MicroUsdc::ZERO, |sum, cost| sum.plus(cost.ok()?).ok())
}
