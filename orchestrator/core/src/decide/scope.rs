use std::collections::BTreeSet;

use millrace_protocol::{Address, JobState};

use crate::event::Transaction;
use crate::{Core, Event, LeaseView, Now};

/// Which jobs an event may lead to decisions about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    /// Time has passed, and these have waited for it.
    Due(BTreeSet<Address>),
    Jobs(BTreeSet<Address>),
}

impl Scope {
    /// Whether time is looked at for its own sake, and not only for what an event is about.
    pub(crate) fn is_round(&self) -> bool {
        !matches!(self, Self::Jobs(_))
    }
}

impl Core {
    /// Whom the event is about, by what is known before it is taken note of.
    pub(crate) fn scope(&mut self, now: Now, event: &Event) -> Scope {
        match event {
            Event::Tick => {
                let part = self.agenda.next_part(&self.open_jobs).into_iter();
                let part = part.filter(|job| !self.only_waits(now, *job)).collect::<Vec<_>>();
                Scope::Due(self.agenda.due(now).into_iter().chain(part).collect())
            }
            Event::ParametersSeen(_) => Scope::All,
            event => Scope::Jobs(self.jobs_of(event)),
        }
    }

    fn jobs_of(&self, event: &Event) -> BTreeSet<Address> {
        let of_lease = |lease: &Address| self.leases.get(lease).map(|entry| entry.view.job);
        let of_node = |node: &Address| self.open_leases.of_node(*node).filter_map(|lease| of_lease(&lease)).collect();
        match event {
            Event::Tick
            | Event::ParametersSeen(_)
            | Event::ProviderSeen { .. }
            | Event::NodeSeen { .. }
            | Event::WorkerDraining { .. }
            | Event::WorkerRuntimes { .. }
            | Event::WorkerImages { .. }
            | Event::LinkMeasured { .. }
            | Event::GpusAnnounced { .. }
            | Event::ChallengeEnded { .. } => BTreeSet::new(),
            Event::JobSeen { job, .. }
            | Event::QuorumSeen { job, .. }
            | Event::SpecFetched { job, .. }
            | Event::SpecFailed { job, .. }
            | Event::BidDeclined { job, .. }
            | Event::OfferFailed { job, .. } => [*job].into(),
            Event::BidMade { signed, .. } => [signed.bid.job].into(),
            Event::LeaseSeen { lease, view } => of_lease(lease).into_iter().chain([view.job]).collect(),
            // The next hand-out finds it, and the buyer.
            Event::BroughtAway { .. } | Event::SetBack { .. } | Event::ImageFound { .. } => BTreeSet::new(),
            Event::DisputeSeen { lease, .. }
            | Event::ExtensionFailed { lease, .. }
            | Event::LeaseReport { lease, .. }
            | Event::TaskUpdate { lease, .. } => of_lease(lease).into_iter().collect(),
            Event::AccountGone { address } => of_lease(address).into_iter().chain([*address]).collect(),
            Event::WorkerConnected { node, .. } | Event::WorkerDisconnected { node, .. } => of_node(node),
            // Most say that all is as it was.
            Event::Heartbeat { node, .. } => {
                let silenced = |lease: &Address| self.leases.get(lease).is_some_and(|entry| entry.silenced);
                self.open_leases.of_node(*node).filter(silenced).filter_map(|lease| of_lease(&lease)).collect()
            }
            Event::TransactionDone { transaction, .. } | Event::TransactionFailed { transaction, .. } => {
                match transaction {
                    Transaction::OpenLease { job, .. }
                    | Transaction::TallyQuorum { job }
                    | Transaction::CloseQuorum { job }
                    | Transaction::ExpireJob { job }
                    | Transaction::CloseJob { job } => [*job].into(),
                    Transaction::ExtendLease { lease }
                    | Transaction::Settle { lease, .. }
                    | Transaction::NoticePreemption { lease }
                    | Transaction::ExpireLease { lease }
                    | Transaction::FinalizeLease { lease }
                    | Transaction::OpenDispute { lease }
                    | Transaction::SettleMember { lease }
                    | Transaction::ExpireDispute { lease } => of_lease(lease).into_iter().collect(),
                    Transaction::AttestNode { .. } => BTreeSet::new(),
                }
            }
        }
    }

    /// Nodes whose proofs an event may lead to decisions about.
    pub(crate) fn nodes_to_prove(&self, now: Now, event: &Event) -> BTreeSet<Address> {
        let node = match event {
            Event::Tick => return self.node_agenda.due(now),
            Event::ParametersSeen(_) => return self.proofs.keys().copied().collect(),
            Event::NodeSeen { node, .. }
            | Event::GpusAnnounced { node, .. }
            | Event::ChallengeEnded { node, .. }
            | Event::WorkerConnected { node, .. }
            | Event::WorkerDisconnected { node, .. }
            | Event::TransactionDone { transaction: Transaction::AttestNode { node }, .. }
            | Event::TransactionFailed { transaction: Transaction::AttestNode { node }, .. }
            | Event::LeaseSeen { view: LeaseView { node, .. }, .. } => *node,
            Event::AccountGone { address } => *address,
            _ => return BTreeSet::new(),
        };
        if self.proofs.contains_key(&node) || matches!(event, Event::GpusAnnounced { .. }) {
            [node].into()
        } else {
            BTreeSet::new()
        }
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
            Scope::Due(jobs) | Scope::Jobs(jobs) => {
                let leases = jobs.iter().flat_map(|job| self.open_leases.of_job(*job)).collect();
                (self.by_age(jobs.iter().copied().filter(|job| self.open_jobs.contains(job))), leases)
            }
        }
    }

    /// Jobs whose next moment may be another one after decisions within the scope.
    pub(super) fn touched(&self, scope: &Scope, jobs: &[Address]) -> BTreeSet<Address> {
        match scope {
            Scope::All => {
                let of_leases = self.open_leases.iter().filter_map(|lease| Some(self.leases.get(&lease)?.view.job));
                jobs.iter().copied().chain(of_leases).collect()
            }
            Scope::Due(jobs) | Scope::Jobs(jobs) => jobs.clone(),
        }
    }
}
