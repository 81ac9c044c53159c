use millrace_protocol::{Address, Seconds, Verification};
use serde::{Deserialize, Serialize};

use crate::{Core, JobEntry, LeaseEntry};

/// What the chain allows and this orchestrator does not run. Such a job gets no lease here; when its
/// start window is over it expires and is refunded like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotServed {
    /// Only this one's vouchers count, and this orchestrator cannot sign for it.
    ForeignAttestor(Address),
    /// Results of gangs, of services and under bids are not compared.
    SpotCheckedShape,
    /// A task could not run again, as long as a lease may take, before its first lease can no longer be disputed.
    CheckWindow { window: Seconds, least: Seconds },
    /// Results are counted of tasks that run one by one, at posted prices.
    CountedShape,
}

fn is_shaped(entry: &JobEntry) -> bool {
    entry.is_gang() || entry.is_service() || entry.is_auctioned()
}

impl Core {
    /// Why the job is not run here. None for one that is.
    pub fn not_served(&self, entry: &JobEntry) -> Option<NotServed> {
        let view = &entry.view;
        if let Some(attestor) = view.attestor.filter(|attestor| *attestor != self.settings.attestor) {
            return Some(NotServed::ForeignAttestor(attestor));
        }
        match view.job.terms.verification {
            Verification::SpotCheck { .. } => self.spot_check_not_served(entry),
            Verification::Quorum { .. } if is_shaped(entry) => Some(NotServed::CountedShape),
            Verification::Quorum { .. } | Verification::Attested | Verification::AttestedHardware { .. } => None,
        }
    }

    fn spot_check_not_served(&self, entry: &JobEntry) -> Option<NotServed> {
        if entry.workload().is_some_and(|workload| workload.shape.is_some()) || entry.is_auctioned() {
            return Some(NotServed::SpotCheckedShape);
        }
        // What the buyer extends later makes nobody stop in the middle: what cannot be compared then says so.
        if entry.view.job.leases_opened > 0 {
            return None;
        }
        let (window, least) = (entry.view.job.terms.dispute_window, self.least_check_window(entry)?);
        (window < least).then_some(NotServed::CheckWindow { window, least })
    }

    pub(crate) fn serves(&self, job: Address) -> bool {
        self.jobs.get(&job).is_some_and(|entry| self.not_served(entry).is_none())
    }

    /// Whether the lease is of a job that is run here, and its time attested here.
    pub(crate) fn attends(&self, lease: Address) -> bool {
        let ours = |entry: &&LeaseEntry| entry.view.attestor == self.settings.attestor;
        self.leases.get(&lease).filter(ours).is_some_and(|entry| self.serves(entry.view.job))
    }
}
