use millrace_protocol::{Address, MicroUsdc, PricePerGpuHour};

use crate::market::{Claim, Held, Resources, bond};
use crate::state::job::PendingOffer;
use crate::{Core, JobEntry, Now, Workload};

impl Core {
    /// Tells the market what the leases that have changed take of it now.
    pub(super) fn settle_claims(&mut self, now: Now) {
        for lease in std::mem::take(&mut self.stale_claims) {
            let claim = self.lease_claim(lease);
            self.set_claim(now, lease, claim);
            self.note_spot(lease);
        }
    }

    /// Replaces the offer that is under way for the job.
    pub(crate) fn set_offer(&mut self, now: Now, job: Address, offer: Option<PendingOffer>) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        entry.offer = offer.map(Box::new);
        if let Some(offer) = offer {
            self.schedule_offer(job, offer.until);
        }
        let claim = self.offer_claim(job);
        self.set_claim(now, job, claim);
    }

    pub(super) fn set_claim(&mut self, now: Now, holder: Address, claim: Option<Claim>) {
        let before = self.market.set_claim(now, holder, claim);
        if before == claim {
            return;
        }
        for (claim, sign) in [(claim, 1), (before, -1)] {
            let held = claim.filter(|claim| claim.held != Held::Report);
            if let Some((buyer, units)) = held.and_then(|claim| Some((claim.buyer?, claim.units))) {
                *self.holds.entry(buyer).or_default() += sign * i64::from(units.0);
            }
        }
    }

    /// Tells the queue what buyers hold more or less than it knows. An offer that has become a lease comes to
    /// nothing by then.
    pub(super) fn settle_holds(&mut self) {
        for (buyer, units) in std::mem::take(&mut self.holds) {
            if units != 0 {
                self.queue.hold(buyer, units);
            }
        }
    }

    pub(crate) fn lease_claim(&self, lease: Address) -> Option<Claim> {
        let entry = self.leases.get(&lease).filter(|entry| entry.on_chain())?;
        let job = self.jobs.get(&entry.view.job);
        Some(Claim {
            held: if entry.is_live() { Held::Lease } else { Held::Report },
            buyer: job.map(|job| job.view.buyer),
            node: entry.view.node,
            provider: entry.view.provider,
            units: entry.view.lease.units,
            bond: entry.view.lease.bond,
            used: used(job.and_then(|job| job.workload())),
        })
    }

    pub(crate) fn offer_claim(&self, job: Address) -> Option<Claim> {
        let entry = self.jobs.get(&job)?;
        let offer = entry.offer.as_ref()?.offer;
        Some(self.promise(entry, (offer.node, offer.provider), offer.price))
    }

    /// What is kept of a node for the job until spot leases on it have ended.
    pub(crate) fn reservation_claim(&self, job: Address) -> Option<Claim> {
        let (entry, reservation) = (self.jobs.get(&job)?, self.reservations.get(&job)?);
        Some(Claim {
            held: Held::Offer,
            buyer: Some(entry.view.buyer),
            node: reservation.chosen.node,
            provider: reservation.provider,
            units: reservation.units,
            bond: reservation.bond,
            used: used(entry.workload()),
        })
    }

    /// What a lease takes that is not there yet.
    pub(super) fn promise(
        &self,
        entry: &JobEntry,
        (node, provider): (Address, Address),
        price: PricePerGpuHour,
    ) -> Claim {
        let units = entry.view.job.terms.requirements.units;
        let class = self.market.node(node).map(|node| node.view.node.hardware.gpu_class);
        let bond = self.market.parameters().and_then(|known| bond(known, class?, price, units));
        Claim {
            held: Held::Offer,
            buyer: Some(entry.view.buyer),
            node,
            provider,
            units,
            bond: bond.unwrap_or(MicroUsdc::ZERO),
            used: used(entry.workload()),
        }
    }
}

fn used(workload: Option<&Workload>) -> Resources {
    workload.map_or_else(Resources::default, |workload| Resources {
        cpu_milli: workload.cpu_milli.into(),
        memory_mib: workload.memory_mib.into(),
        disk_mib: workload.disk_mib.into(),
    })
}
