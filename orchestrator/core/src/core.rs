use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use millrace_protocol::{Address, Provider, Seconds, UnixSeconds};
use millrace_spec::Runtime;

use crate::agenda::Agenda;
use crate::auction::Auction;
use crate::decide::Preemption;
use crate::demands::Demands;
use crate::market::{Market, Weights};
use crate::queue::Queue;
use crate::record::{JobRecord, LeaseRecord, MemberTaskRecord, ProofRecord, Record, TaskRecord};
use crate::state::auctions::Auctions;
use crate::state::gang::Gangs;
use crate::state::job::JobEntry;
use crate::state::lease::LeaseEntry;
use crate::state::node::{NodeEntry, Worker};
use crate::state::open_leases::OpenLeases;
use crate::state::proof::Proof;
use crate::state::quorum_round::QuorumRound;
use crate::state::reservation::Reservation;
use crate::workloads::Workloads;
use crate::{Action, Event, Forgotten, Now};

/// What makes draws unpredictable for whoever does not know it. The same one draws the same tasks again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DrawSecret(pub [u8; 32]);

impl fmt::Debug for DrawSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DrawSecret(..)")
    }
}

/// What does not change while the orchestrator runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub program: Address,
    /// Whose signature this orchestrator's vouchers carry.
    pub attestor: Address,
    /// How often workers report, in milliseconds.
    pub heartbeat_millis: u64,
    /// How placements are weighed.
    pub weights: Weights,
    /// By which tasks are drawn for spot checks.
    pub draw_secret: DrawSecret,
    /// How long a job is kept once its account is gone, by the chain's clock.
    pub keep_jobs: Seconds,
}

impl Settings {
    /// The longest silence, in milliseconds, that is still counted as running.
    pub fn patience(&self) -> u64 {
        self.heartbeat_millis.saturating_mul(3)
    }
}

/// The scheduler. See the crate's documentation.
#[derive(Clone, Debug)]
pub struct Core {
    pub(crate) settings: Settings,
    pub(crate) market: Market,
    pub(crate) demands: Demands,
    pub(crate) workloads: Workloads,
    pub(crate) queue: Queue,
    /// Boxed: a tree keeps room for entries that it does not have.
    pub(crate) jobs: BTreeMap<Address, Box<JobEntry>>,
    pub(crate) leases: BTreeMap<Address, LeaseEntry>,
    /// Every lease that is kept of a job: the job, the lease's number, the lease.
    pub(crate) leases_by_job: BTreeSet<(Address, u32, Address)>,
    /// Jobs whose account exists; only these are looked at for decisions.
    pub(crate) open_jobs: BTreeSet<Address>,
    pub(crate) open_leases: OpenLeases,
    /// Jobs with an account of which leases are gone whose last payment nobody told, since so many milliseconds.
    pub(crate) unbooked: BTreeMap<Address, u64>,
    pub(crate) agenda: Agenda,
    /// Jobs with an account that are to run after another one, by that one; it is kept for them, and they are looked
    /// at when it changes.
    pub(crate) named_by: BTreeMap<Address, BTreeSet<Address>>,
    /// Until when jobs are kept whose accounts are gone.
    pub(crate) kept: BTreeSet<(UnixSeconds, Address)>,
    pub(crate) gangs: Gangs,
    /// Nodes kept for jobs that spot leases make room for, by job.
    pub(crate) reservations: BTreeMap<Address, Reservation>,
    pub(crate) preemption: Preemption,
    /// By job.
    pub(crate) auctions: BTreeMap<Address, Auctions>,
    /// As last read, by job.
    pub(crate) rounds: BTreeMap<Address, QuorumRound>,
    /// Jobs that wait for one that nobody has seen, since so many milliseconds.
    pub(crate) order_unknown: BTreeMap<Address, u64>,
    /// GPUs that buyers hold more or less than the queue knows.
    pub(crate) holds: BTreeMap<Address, i64>,
    /// Leases whose claim on the market may have changed.
    pub(crate) stale_claims: BTreeSet<Address>,
    /// Of nodes whose workers answer challenges, or once did.
    pub(crate) proofs: BTreeMap<Address, Proof>,
    /// Which node has shown which GPU last, by UUID.
    pub(crate) gpu_holders: BTreeMap<String, Address>,
    /// When nodes are to be looked at for their proofs.
    pub(crate) node_agenda: Agenda,
    pub(crate) next_challenge: u64,
    pub(crate) next_offer: u64,
    pub(crate) out: Vec<Action>,
    pub(crate) forgotten: Vec<Forgotten>,
    dirty_jobs: BTreeSet<Address>,
    dirty_tasks: BTreeSet<(Address, u32)>,
    dirty_own_tasks: BTreeSet<(Address, u32)>,
    dirty_leases: BTreeSet<Address>,
    dirty_proofs: BTreeSet<Address>,
    dirty_auctions: BTreeSet<(Address, u32)>,
}

impl Core {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            market: Market::new(settings.weights, settings.patience()),
            demands: Demands::default(),
            workloads: Workloads::default(),
            queue: Queue::default(),
            jobs: BTreeMap::new(),
            leases: BTreeMap::new(),
            leases_by_job: BTreeSet::new(),
            open_jobs: BTreeSet::new(),
            open_leases: OpenLeases::default(),
            unbooked: BTreeMap::new(),
            agenda: Agenda::default(),
            named_by: BTreeMap::new(),
            kept: BTreeSet::new(),
            gangs: Gangs::default(),
            reservations: BTreeMap::new(),
            preemption: Preemption::default(),
            auctions: BTreeMap::new(),
            rounds: BTreeMap::new(),
            order_unknown: BTreeMap::new(),
            holds: BTreeMap::new(),
            stale_claims: BTreeSet::new(),
            proofs: BTreeMap::new(),
            gpu_holders: BTreeMap::new(),
            node_agenda: Agenda::default(),
            next_challenge: 1,
            next_offer: 1,
            out: Vec::new(),
            forgotten: Vec::new(),
            dirty_jobs: BTreeSet::new(),
            dirty_tasks: BTreeSet::new(),
            dirty_own_tasks: BTreeSet::new(),
            dirty_leases: BTreeSet::new(),
            dirty_proofs: BTreeSet::new(),
            dirty_auctions: BTreeSet::new(),
        }
    }

    /// Takes note of what happened and decides what follows. Records come first in the answer.
    pub fn on_event(&mut self, now: Now, event: Event) -> Vec<Action> {
        let scope = self.scope(now, &event);
        let nodes = self.nodes_to_prove(now, &event);
        match event {
            Event::ParametersSeen(parameters) => self.market.set_parameters(now, parameters),
            Event::ProviderSeen { provider, account } => self.market.set_provider(now, provider, account),
            Event::NodeSeen { node, view } => self.market.set_node(now, node, view),
            Event::JobSeen { job, view } => self.on_job_seen(now, job, view),
            Event::LeaseSeen { lease, view } => self.on_lease_seen(now, lease, view),
            Event::QuorumSeen { job, round, quorum } => self.on_quorum_seen(now, job, round, *quorum),
            Event::DisputeSeen { lease, dispute } => {
                if let Some(entry) = self.leases.get_mut(&lease) {
                    entry.dispute = Some(dispute);
                }
            }
            Event::AccountGone { address } => self.on_account_gone(now, address),
            Event::SpecFetched { job, workload } => self.on_spec_fetched(job, workload),
            Event::SpecFailed { job, cause, permanent } => self.on_spec_failed(now, job, cause, permanent),
            Event::WorkerConnected { node, session, images, held } => {
                self.on_worker_connected(now, node, session, &images, &held);
                self.forget_setbacks(node);
                self.forget_announcement(now, node);
            }
            Event::WorkerDisconnected { node, session } => {
                self.market.disconnect(now, node, session);
                if !self.is_connected(node) {
                    self.forget_announcement(now, node);
                }
            }
            Event::GpusAnnounced { node, session, gpus } => self.on_gpus_announced(node, session, gpus),
            Event::ChallengeEnded { node, challenge, result } => {
                self.on_challenge_ended(now, node, challenge, result);
            }
            Event::WorkerDraining { node, draining } => self.market.set_draining(now, node, draining),
            Event::WorkerRuntimes { node, runtimes } => self.market.set_runtimes(node, &runtimes),
            Event::WorkerImages { node, images } => {
                self.market.set_images(now, node, images.iter().map(String::as_str));
            }
            Event::LinkMeasured { node, kib_per_second } => self.on_link_measured(now, node, kib_per_second),
            Event::Heartbeat { node, leases } => self.on_heartbeat(now, node, &leases),
            Event::TaskUpdate { node, lease, task, attempt, progress } => {
                self.on_task_update(now, (node, lease), (task, attempt), progress);
            }
            Event::BroughtAway { node, lease, task, round, brought } => {
                self.on_brought(now, (node, lease), task, round, brought);
            }
            Event::SetBack { node, lease, task, attempt, round, cause } => {
                self.on_set_back(now, (node, lease), (task, attempt), round, cause);
            }
            Event::ImageFound { node, lease, digest } => self.on_image_found(node, lease, digest),
            Event::LeaseReport { node, lease, result_root } => self.on_lease_report(now, node, lease, result_root),
            Event::OfferFailed { job, offer, failure } => self.on_offer_failed(now, job, offer, failure),
            Event::ExtensionFailed { lease, failure } => self.on_extension_failed(now, lease, &failure),
            Event::BidMade { signed, key } => self.on_bid(now, signed, key),
            Event::BidDeclined { node, job, auction } => self.on_bid_declined(node, job, auction),
            Event::TransactionDone { transaction, signature } => {
                self.on_transaction_done(now, transaction, signature);
            }
            Event::TransactionFailed { transaction, cause } => self.on_transaction_failed(now, transaction, cause),
            Event::Tick => self.read_ledgers(now),
        }
        self.decide(now, &scope);
        self.prove(now, &nodes);
        self.take_actions()
    }

    /// Every job that is kept, by address.
    pub fn jobs(&self) -> impl Iterator<Item = (Address, &JobEntry)> {
        self.jobs.iter().map(|(address, entry)| (*address, &**entry))
    }

    /// Jobs whose account exists, by address.
    pub fn open_jobs(&self) -> impl Iterator<Item = (Address, &JobEntry)> {
        self.open_jobs.iter().filter_map(|job| self.job(*job).map(|entry| (*job, entry)))
    }

    pub fn job(&self, job: Address) -> Option<&JobEntry> {
        self.jobs.get(&job).map(Box::as_ref)
    }

    pub fn lease(&self, lease: Address) -> Option<&LeaseEntry> {
        self.leases.get(&lease)
    }

    /// The job's auctions that are over and had a bid, the oldest first.
    pub fn auctions_of(&self, job: Address) -> impl Iterator<Item = &Auction> {
        self.auctions.get(&job).into_iter().flat_map(|auctions| auctions.held.values())
    }

    /// Leases whose account may still exist.
    pub fn open_leases(&self) -> impl Iterator<Item = &LeaseEntry> {
        self.open_leases.iter().filter_map(|lease| self.leases.get(&lease))
    }

    /// How many leases have an account that may still exist.
    pub fn n_open_leases(&self) -> usize {
        self.open_leases.len()
    }

    /// How many jobs wait for a node.
    pub fn n_queued(&self) -> usize {
        self.queue.len()
    }

    /// Every lease that is kept of a job, by number.
    pub fn leases_of(&self, job: Address) -> Vec<&LeaseEntry> {
        let first = (job, 0, Address([0; 32]));
        let leases = self.leases_by_job.range(first..).take_while(|(of, ..)| *of == job);
        leases.filter_map(|(.., lease)| self.leases.get(lease)).collect()
    }

    /// Those of the job's account that is there now, or was there last; not those of an earlier job under the same
    /// id, whose rounds began with the same numbers.
    pub(crate) fn leases_of_account(&self, job: Address) -> Vec<&LeaseEntry> {
        let Some(opened_at) = self.jobs.get(&job).map(|entry| entry.view.opened_at) else { return Vec::new() };
        let mut leases = self.leases_of(job);
        leases.retain(|lease| lease.view.lease.opened_at >= opened_at);
        leases
    }

    /// Until when the job is kept, by the chain's clock; none while it has an account. What waits for something of it
    /// keeps it for longer.
    pub fn kept_until(&self, job: Address) -> Option<UnixSeconds> {
        self.jobs.get(&job)?.story().closed_at.map(|closed_at| self.end_of_keeping(closed_at))
    }

    /// Of what was closed then.
    pub(crate) fn end_of_keeping(&self, closed_at: UnixSeconds) -> UnixSeconds {
        closed_at.after(self.settings.keep_jobs).unwrap_or(UnixSeconds(u64::MAX))
    }

    pub(crate) fn insert_lease(&mut self, lease: Address, entry: LeaseEntry) {
        self.leases_by_job.insert((entry.view.job, entry.view.number, lease));
        self.leases.insert(lease, entry);
    }

    pub fn nodes(&self) -> impl Iterator<Item = (Address, &NodeEntry)> {
        self.market.nodes()
    }

    pub fn node(&self, node: Address) -> Option<&NodeEntry> {
        self.market.node(node)
    }

    pub fn provider(&self, provider: Address) -> Option<Provider> {
        self.market.provider(provider)
    }

    pub fn worker(&self, node: Address) -> Option<&Worker> {
        self.market.worker(node)
    }

    /// Whether the node takes no further lease, by what the chain or its owner says.
    pub fn is_draining(&self, node: Address) -> bool {
        self.market.is_draining(node)
    }

    /// Whether the node's worker came and went too often lately to get a lease.
    pub fn is_quarantined(&self, now: Now, node: Address) -> bool {
        self.worker(node).is_some_and(|worker| now.millis < worker.quarantined_until())
    }

    /// What the node's engine can keep containers in beside its own runtime.
    pub fn runtimes(&self, node: Address) -> &'static [Runtime] {
        self.market.runtimes(node)
    }

    /// What the node has shown of its GPUs; none for one whose worker never answered challenges.
    pub fn proof(&self, node: Address) -> Option<&Proof> {
        self.proofs.get(&node)
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the node's worker can be given something to do.
    pub fn is_live(&self, now: Now, node: Address) -> bool {
        self.worker(node).is_some_and(|worker| worker.live(now.millis, self.settings.patience()))
    }

    pub(crate) fn is_silent(&self, now: Now, node: Address) -> bool {
        self.worker(node).is_none_or(|worker| worker.silent(now.millis, self.settings.patience()))
    }

    /// Whether nothing was heard of the lease for longer than `patience` milliseconds: its worker is silent, or leaves
    /// out of its heartbeats what it cannot say to be running.
    pub(crate) fn is_unheard(&self, now: Now, entry: &LeaseEntry, patience: u64) -> bool {
        let Some(worker) = self.worker(entry.view.node) else { return true };
        let left_out = worker.connected && entry.unheard_from(patience).is_some_and(|from| now.millis >= from);
        left_out || worker.silent(now.millis, patience)
    }

    pub(crate) fn is_connected(&self, node: Address) -> bool {
        self.worker(node).is_some_and(|worker| worker.connected)
    }

    /// Leases of the job whose account may still exist, by address.
    pub(crate) fn open_leases_of(&self, job: Address) -> Vec<Address> {
        self.open_leases.of_job(job).collect()
    }

    /// The task a lease works on.
    pub(crate) fn active_task(&self, lease: Address) -> Option<u32> {
        self.tasks_of(lease)?.active(lease).next()
    }

    /// Whether it works on a task, or runs one again.
    pub(crate) fn is_busy(&self, lease: Address) -> bool {
        self.active_task(lease).is_some() || self.checked_task(lease).is_some()
    }

    /// The task that a lease runs again.
    pub(crate) fn checked_task(&self, lease: Address) -> Option<u32> {
        self.jobs.get(&self.leases.get(&lease)?.view.job)?.tasks.checked_by(lease)
    }

    pub(crate) fn touch_job(&mut self, job: Address) {
        self.dirty_jobs.insert(job);
        self.wake_followers(job);
    }

    pub(crate) fn touch_task(&mut self, job: Address, task: u32) {
        self.dirty_tasks.insert((job, task));
    }

    pub(crate) fn touch_own_task(&mut self, lease: Address, task: u32) {
        self.dirty_own_tasks.insert((lease, task));
    }

    pub(crate) fn touch_lease(&mut self, lease: Address) {
        self.dirty_leases.insert(lease);
        self.stale_claims.insert(lease);
    }

    pub(crate) fn touch_auction(&mut self, job: Address, number: u32) {
        self.dirty_auctions.insert((job, number));
    }

    pub(crate) fn touch_proof(&mut self, node: Address) {
        self.dirty_proofs.insert(node);
    }

    pub(crate) fn push(&mut self, action: Action) {
        self.out.push(action);
    }

    fn take_actions(&mut self) -> Vec<Action> {
        // Before the records of another job at the same address.
        let mut actions: Vec<Action> = std::mem::take(&mut self.forgotten).into_iter().map(Action::Forget).collect();
        for job in std::mem::take(&mut self.dirty_jobs) {
            if let Some(entry) = self.jobs.get(&job) {
                let reserved = self.reservations.get(&job).cloned();
                actions.push(Action::Persist(Record::Job(JobRecord::of(job, entry, reserved).into())));
            }
        }
        for (job, number) in std::mem::take(&mut self.dirty_tasks) {
            let Some(entry) = self.jobs.get(&job) else { continue };
            if let Some(task) = entry.tasks.get(number).cloned() {
                let opened_slot = entry.view.opened_slot;
                actions.push(Action::Persist(Record::Task(Box::new(TaskRecord { job, opened_slot, number, task }))));
            }
        }
        for (lease, number) in std::mem::take(&mut self.dirty_own_tasks) {
            let own = self.leases.get(&lease).and_then(|entry| entry.own_tasks.as_ref());
            let task = own.and_then(|tasks| tasks.get(number).cloned());
            let record = task.map(|task| MemberTaskRecord { lease, number, task });
            actions.extend(record.map(|record| Action::Persist(Record::MemberTask(record.into()))));
        }
        for lease in std::mem::take(&mut self.dirty_leases) {
            if let Some(entry) = self.leases.get(&lease) {
                actions.push(Action::Persist(Record::Lease(LeaseRecord::of(entry).into())));
            }
        }
        for node in std::mem::take(&mut self.dirty_proofs) {
            let record = ProofRecord::of(node, self.proofs.get(&node));
            actions.push(Action::Persist(Record::Proof(record.into())));
        }
        for (job, number) in std::mem::take(&mut self.dirty_auctions) {
            let auction = self.auctions.get(&job).and_then(|auctions| auctions.held.get(&number));
            actions.extend(auction.cloned().map(|auction| Action::Persist(Record::Auction(auction.into()))));
        }
        actions.append(&mut self.out);
        actions
    }
}
