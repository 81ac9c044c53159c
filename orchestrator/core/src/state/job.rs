use std::sync::Arc;

use millrace_protocol::{Error, Job, JobState, MicroUsdc, UnixSeconds};
use millrace_spec::Restart;
use serde::{Deserialize, Serialize};

use crate::agenda::Due;
use crate::demands::DemandId;
use crate::market::Candidate;
use crate::state::gang::GangEntry;
use crate::state::story::Story;
use crate::state::task::Cause;
use crate::state::tasks::Tasks;
use crate::workloads::Workloads;
use crate::{JobView, Offer, Workload};

/// How a job ended, as far as work is concerned; its money may still be on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Every task is done.
    Completed,
    Failed(Box<Cause>),
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
        cause: Option<Box<Cause>>,
    },
    Known(Asked),
    /// It can never be had, or is not a spec.
    Unusable(Box<Cause>),
}

/// What a job asks for. Jobs that ask for the same share it, whatever their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Workload", into = "Workload")]
pub struct Asked {
    name: Box<str>,
    /// Without its name.
    workload: Arc<Workload>,
}

impl From<Workload> for Asked {
    fn from(mut workload: Workload) -> Self {
        Self { name: std::mem::take(&mut workload.name).into(), workload: workload.into() }
    }
}

impl From<Asked> for Workload {
    fn from(Asked { name, workload }: Asked) -> Self {
        Self { name: name.into(), ..Self::clone(&workload) }
    }
}

impl Asked {
    /// Together with everybody who asks for the same.
    pub(crate) fn shared(self, workloads: &mut Workloads) -> Self {
        Self { workload: workloads.share(self.workload), ..self }
    }

    /// The job is not kept any more.
    pub(crate) fn release(&self, workloads: &mut Workloads) {
        workloads.release(&self.workload);
    }

    pub(crate) fn tasks(&self) -> u32 {
        self.workload.tasks
    }
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
    /// The best first; few, however many nodes fitted. Of a gang's nodes those on which no member is.
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
    /// Of a gang only. Not kept on disk: a gang that was not together yet begins anew.
    pub(crate) gang: Option<Box<GangEntry>>,
    pub(crate) offer: Option<Box<PendingOffer>>,
    pub(crate) crank: Crank,
    /// When it is to be looked at though nothing happens.
    pub(crate) due: Due,
    /// What it asks of the market, while it asks for anything.
    pub(crate) demand: Option<DemandId>,
    pub(crate) story: Option<Box<Story>>,
}

impl JobEntry {
    pub(crate) fn new(view: JobView) -> Self {
        Self {
            view,
            on_chain: true,
            spec: SpecStatus::Wanted { again_at: 0, cause: None },
            tasks: Tasks::default(),
            outcome: None,
            gang: None,
            offer: None,
            crank: Crank::default(),
            due: Due::NEVER,
            demand: None,
            story: None,
        }
    }

    /// What has happened to it.
    pub fn story(&self) -> &Story {
        self.story.as_deref().unwrap_or(Story::NONE)
    }

    pub(crate) fn story_mut(&mut self) -> &mut Story {
        self.story.get_or_insert_default()
    }

    /// The name that its buyer gave it; empty before its spec is here.
    pub fn name(&self) -> &str {
        match &self.spec {
            SpecStatus::Known(asked) => &asked.name,
            SpecStatus::Wanted { .. } | SpecStatus::Unusable(_) => "",
        }
    }

    /// What it asks for; its name is [`JobEntry::name`].
    pub fn workload(&self) -> Option<&Workload> {
        match &self.spec {
            SpecStatus::Known(asked) => Some(&asked.workload),
            SpecStatus::Wanted { .. } | SpecStatus::Unusable(_) => None,
        }
    }

    /// Why its live leases are where they are, by the lease's number.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.story().decisions.values()
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

    /// Whether nodes bid for its leases.
    pub fn is_auctioned(&self) -> bool {
        self.workload().is_some_and(|workload| workload.placement.auction)
    }

    pub(crate) fn is_service(&self) -> bool {
        self.workload().is_some_and(|workload| workload.service().is_some())
    }

    /// The job as the chain will have it once the extensions under way have landed.
    pub(crate) fn with_promises(&self) -> Result<Job, Error> {
        let job = self.view.job;
        Ok(Job { reserved: job.reserved.plus(self.story().promised)?, ..job })
    }

    /// What of the deposit a further lease may cost.
    pub(crate) fn spendable(&self) -> Result<MicroUsdc, Error> {
        self.with_promises()?.available()
    }

    pub fn pending_tasks(&self) -> usize {
        self.tasks.n_pending()
    }

    /// Whether nothing is left to do, spot checks included. A service that always restarts is never done.
    pub fn all_done(&self) -> bool {
        match self.workload().and_then(Workload::service) {
            Some(service) => service.restart == Restart::OnFailure && self.tasks.done() >= service.replicas as usize,
            None => self.tasks.all_done() && self.tasks.n_unchecked() == 0,
        }
    }

    /// When an open job can no longer be leased.
    pub(crate) fn past_start_deadline(&self, chain: UnixSeconds) -> bool {
        self.view.job.state == JobState::Open && chain >= self.view.job.start_deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_ask_for_the_same_share_it_and_are_written_each_for_itself() {
        let mut workloads = Workloads::default();
        let named = |name: &str| Workload { name: name.to_owned(), tasks: 3, ..Workload::default() };
        let mut ask = |workload: Workload| Asked::from(workload).shared(&mut workloads);
        let (one, other, more) = (ask(named("one")), ask(named("other")), ask(Workload { tasks: 4, ..named("one") }));
        assert!(Arc::ptr_eq(&one.workload, &other.workload) && !Arc::ptr_eq(&one.workload, &more.workload));
        let written = serde_json::to_value(SpecStatus::Known(other.clone())).unwrap();
        assert_eq!(written["Known"], serde_json::to_value(named("other")).unwrap());
        assert_eq!(serde_json::from_value::<SpecStatus>(written).unwrap(), SpecStatus::Known(other));
    }
}
