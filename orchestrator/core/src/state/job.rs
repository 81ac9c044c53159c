use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::{Address, JobState, UnixSeconds};
use millrace_spec::Restart;
use serde::{Deserialize, Serialize};

use crate::agenda::Due;
use crate::market::Candidate;
use crate::state::gang::GangEntry;
use crate::state::restarts::Restarts;
use crate::state::task::Cause;
use crate::state::tasks::Tasks;
use crate::{JobView, Offer, Workload};

/// How a job ended, as far as work is concerned; its money may still be on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Every task is done.
    Completed,
    Failed(Cause),
    /// By the buyer.
    Cancelled,
    /// No node took it in time.
    Expired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpecStatus {
    /// Not here yet; asked for again at the given milliseconds. The cause is the last failure's.
    Wanted {
        again_at: u64,
        cause: Option<Cause>,
    },
    Known(Workload),
    /// It can never be had, or is not a spec.
    Unusable(Cause),
}

/// An offer on its way to become a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingOffer {
    pub offer: Offer,
    /// Milliseconds after which it no longer blocks the job.
    pub until: u64,
}

/// Why a lease was offered to a node: it scored best, and these came next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The lease's number within its job.
    pub number: u32,
    pub chosen: Candidate,
    /// The best first; few, however many nodes fitted.
    pub runners_up: Vec<Candidate>,
}

/// A crank that was sent, or is not to be sent again before `again_at` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Crank {
    pub in_flight: bool,
    pub again_at: u64,
    pub failures: u32,
}

/// A job and its tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEntry {
    pub view: JobView,
    /// Whether its account exists.
    pub on_chain: bool,
    pub spec: SpecStatus,
    pub tasks: Tasks,
    pub outcome: Option<Outcome>,
    /// Nodes that failed it: taken again only when no other fits.
    pub failed_nodes: BTreeSet<Address>,
    /// What the nodes that could not get the image said.
    pub image_failures: BTreeMap<Address, Cause>,
    /// The last failure of any task, for whoever asks why.
    pub last_failure: Option<Cause>,
    /// Base58 signature of the transaction that closed it.
    pub closed_by: Option<String>,
    /// Replicas that ended by themselves, and when they start again.
    pub restarts: Restarts,
    /// Of a gang only. Not kept on disk: a gang that was not together yet begins anew.
    pub(crate) gang: Option<Box<GangEntry>>,
    pub(crate) offer: Option<Box<PendingOffer>>,
    /// Nodes not to be asked again before the given milliseconds.
    pub(crate) resting: BTreeMap<Address, u64>,
    pub(crate) crank: Crank,
    /// When it is to be looked at though nothing happens.
    pub(crate) due: Due,
    /// Why its live leases are where they are, by the lease's number. Not kept on disk.
    pub(crate) decisions: BTreeMap<u32, Decision>,
}

impl JobEntry {
    pub(crate) fn new(view: JobView) -> Self {
        Self {
            view,
            on_chain: true,
            spec: SpecStatus::Wanted { again_at: 0, cause: None },
            tasks: Tasks::default(),
            outcome: None,
            failed_nodes: BTreeSet::new(),
            image_failures: BTreeMap::new(),
            last_failure: None,
            closed_by: None,
            restarts: Restarts::default(),
            gang: None,
            offer: None,
            resting: BTreeMap::new(),
            crank: Crank::default(),
            due: Due::NEVER,
            decisions: BTreeMap::new(),
        }
    }

    pub fn workload(&self) -> Option<&Workload> {
        match &self.spec {
            SpecStatus::Known(workload) => Some(workload),
            SpecStatus::Wanted { .. } | SpecStatus::Unusable(_) => None,
        }
    }

    /// Why its live leases are where they are, by the lease's number.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.values()
    }

    /// Whether tasks are still to be done and leases may be opened for them.
    pub fn working(&self) -> bool {
        self.on_chain
            && self.outcome.is_none()
            && matches!(self.view.job.state, JobState::Open | JobState::Active)
            && self.workload().is_some()
    }

    pub(crate) fn is_gang(&self) -> bool {
        self.workload().is_some_and(|workload| workload.gang().is_some())
    }

    pub(crate) fn is_service(&self) -> bool {
        self.workload().is_some_and(|workload| workload.service().is_some())
    }

    pub fn pending_tasks(&self) -> usize {
        self.tasks.n_pending()
    }

    /// Whether nothing is left to do. A service that always restarts is never done.
    pub fn all_done(&self) -> bool {
        match self.workload().and_then(Workload::service) {
            Some(service) => service.restart == Restart::OnFailure && self.tasks.done() >= service.replicas as usize,
            None => self.tasks.all_done(),
        }
    }

    /// When an open job can no longer be leased.
    pub(crate) fn past_start_deadline(&self, chain: UnixSeconds) -> bool {
        self.view.job.state == JobState::Open && chain >= self.view.job.start_deadline
    }
}
