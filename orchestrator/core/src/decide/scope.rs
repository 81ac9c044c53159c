use std::collections::BTreeSet;

use millrace_protocol::{Address, JobState};

use crate::event::Transaction;
use crate::{Core, Event, Now};

/// Which jobs an event may lead to decisions about. Whatever it leaves out, the next tick looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    Jobs(BTreeSet<Address>),
}

impl Core {
    /// Whom the event is about, by what is known before it is taken note of.
    pub(crate) fn scope(&self, event: &Event) -> Scope {
        let of_lease = |lease: &Address| self.leases.get(lease).map(|entry| entry.view.job);
        let of_node = |node: &Address| self.open_leases.of_node(*node).filter_map(|lease| of_lease(&lease)).collect();
        let jobs: BTreeSet<Address> = match event {
            Event::Tick | Event::ParametersSeen(_) => return Scope::All,
            Event::ProviderSeen { .. } | Event::NodeSeen { .. } => BTreeSet::new(),
            Event::JobSeen { job, .. }
            | Event::SpecFetched { job, .. }
            | Event::SpecFailed { job, .. }
            | Event::OfferFailed { job, .. } => [*job].into(),
            Event::LeaseSeen { lease, view } => of_lease(lease).into_iter().chain([view.job]).collect(),
            Event::DisputeSeen { lease, .. } | Event::LeaseReport { lease, .. } | Event::TaskUpdate { lease, .. } => {
                of_lease(lease).into_iter().collect()
            }
            Event::AccountGone { address } => of_lease(address).into_iter().chain([*address]).collect(),
            Event::WorkerConnected { node, .. } | Event::WorkerDisconnected { node, .. } => of_node(node),
            // Most say that all is as it was; what time alone decides is left to the next tick.
            Event::Heartbeat { node, .. } => {
                let silenced = |lease: &Address| self.leases.get(lease).is_some_and(|entry| entry.silenced);
                self.open_leases.of_node(*node).filter(silenced).filter_map(|lease| of_lease(&lease)).collect()
            }
            Event::TransactionDone { transaction, .. } | Event::TransactionFailed { transaction, .. } => {
                match transaction {
                    Transaction::OpenLease { job, .. }
                    | Transaction::ExpireJob { job }
                    | Transaction::CloseJob { job } => [*job].into(),
                    Transaction::Settle { lease, .. }
                    | Transaction::ExpireLease { lease }
                    | Transaction::FinalizeLease { lease }
                    | Transaction::ExpireDispute { lease } => of_lease(lease).into_iter().collect(),
                }
            }
        };
        Scope::Jobs(jobs)
    }

    /// Whether time alone changes nothing for the job: it stands in the queue, and has neither a lease nor an
    /// offer. Most jobs of a long queue are like that, at every tick.
    fn only_waits(&self, now: Now, job: Address) -> bool {
        self.queue.contains(job)
            && self.open_leases.of_job(job).next().is_none()
            && self.jobs.get(&job).is_some_and(|entry| {
                let young = !entry.past_start_deadline(now.chain);
                young && entry.offer.is_none() && entry.outcome.is_none() && entry.view.job.state == JobState::Open
            })
    }

    /// The open jobs of the scope, the oldest first, and the leases to go with them.
    pub(super) fn within(&self, now: Now, scope: &Scope) -> (Vec<Address>, Vec<Address>) {
        match scope {
            Scope::All => {
                let due = self.open_jobs.iter().copied().filter(|job| !self.only_waits(now, *job));
                (self.by_age(due), self.open_leases.iter().collect())
            }
            Scope::Jobs(jobs) => {
                let leases = jobs.iter().flat_map(|job| self.open_leases.of_job(*job)).collect();
                (self.by_age(jobs.iter().copied().filter(|job| self.open_jobs.contains(job))), leases)
            }
        }
    }
}
