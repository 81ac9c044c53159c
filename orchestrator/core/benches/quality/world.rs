//! An instant world around the real core: the chain is the pure rules and executes a transaction as it comes,
//! workers do what they are told, and a container starts as soon as it is asked for. What is left of waiting and
//! of cost is the scheduler's choice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use millrace_protocol::voucher::Voucher;
use millrace_protocol::{
    Address, GpuUnits, Hardware, HardwareAttestation, Job, JobState, JobTerms, Lease, MicroUsdc, Node, NodeStatus,
    Parameters, Payment, PricePerGpuHour, Provider, Reputation, Requirements, Seconds, ServiceLevel, Stake,
    UnixSeconds, Verification, transitions,
};
use millrace_scheduler::{
    Action, Core, DrawSecret, Event, JobView, LeaseView, NodeView, Now, Offer, OpenFailure, Settings, TaskPhase,
    TaskProgress, Transaction, Weights, Workload,
};
use millrace_spec::{Gang, Locality, Restart, Service, Version, sha256};

use crate::chooser::Chooser;
use crate::shape::{Kind, Order, Shape};

const START: u64 = 1_800_000_000;
/// In seconds. Where no rig ever dies nobody is waited for, and little is to be heard.
const HEARTBEAT: u64 = 10;
const SLOW_HEARTBEAT: u64 = 60;
/// Longer than anything that is asked for here.
const LONGEST: Seconds = Seconds(7 * 86_400);
const PROGRAM: Address = Address([9; 32]);
const ATTESTOR: Address = Address([8; 32]);

/// A task that ran to its end, or a replica that served until it was stopped or its rig died; in seconds since the
/// beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stint {
    pub order: usize,
    pub task: usize,
    pub rig: usize,
    pub from: u64,
    pub until: u64,
}

/// What came of a shape.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub stints: Vec<Stint>,
    /// By all buyers, fees included, as the chain's ledgers have it; what they got for dead rigs is not taken off.
    pub paid: u64,
}

struct Held {
    order: usize,
    rig: usize,
    task: u32,
    attempt: u32,
    from: u64,
    until: u64,
}

pub struct World<'a> {
    shape: &'a Shape,
    chooser: Chooser,
    core: Core,
    heartbeat: u64,
    second: u64,
    slot: u64,
    parameters: Parameters,
    providers: BTreeMap<Address, Provider>,
    nodes: BTreeMap<Address, NodeView>,
    pub jobs: BTreeMap<Address, JobView>,
    pub leases: BTreeMap<Address, LeaseView>,
    /// What runs, by lease.
    running: BTreeMap<Address, Held>,
    /// By node that is there, its leases.
    held: BTreeMap<Address, BTreeSet<Address>>,
    sessions: Vec<u64>,
    inbox: VecDeque<Event>,
    run: Run,
}

pub fn address(kind: u8, number: usize) -> Address {
    let mut bytes = [0; 32];
    bytes[0] = kind;
    bytes[1..9].copy_from_slice(&(number as u64).to_be_bytes());
    Address(bytes)
}

fn number(address: Address) -> usize {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&address.0[1..9]);
    usize::try_from(u64::from_be_bytes(bytes)).expect("an address of this world")
}

/// The shape lived through to its last job's end.
pub fn live(shape: &Shape, weights: Weights, chooser: Chooser) -> Run {
    let mut world = World::new(shape, weights, chooser);
    let mut next = 0;
    while next < shape.orders.len() || !world.jobs.is_empty() {
        while shape.orders.get(next).is_some_and(|order| order.arrival <= world.second) {
            world.open_job(next);
            next += 1;
        }
        world.pass();
        world.second = world.next_second(next);
        assert!(world.second < LONGEST.0, "jobs that never end: {:?}", world.unfinished());
    }
    world.run
}

impl<'a> World<'a> {
    fn new(shape: &'a Shape, weights: Weights, chooser: Chooser) -> Self {
        let quiet = shape.rigs.iter().all(|rig| rig.outages.is_empty());
        let heartbeat = if quiet { SLOW_HEARTBEAT } else { HEARTBEAT };
        let settings = Settings {
            program: PROGRAM,
            attestor: ATTESTOR,
            heartbeat_millis: heartbeat * 1_000,
            weights,
            draw_secret: DrawSecret([0; 32]),
            keep_jobs: Seconds(30 * 86_400),
        };
        let mut world = Self {
            shape,
            chooser,
            core: Core::new(settings),
            heartbeat,
            second: 0,
            slot: 1,
            parameters: Parameters::default(),
            providers: BTreeMap::new(),
            nodes: BTreeMap::new(),
            jobs: BTreeMap::new(),
            leases: BTreeMap::new(),
            running: BTreeMap::new(),
            held: BTreeMap::new(),
            sessions: vec![0; shape.rigs.len()],
            inbox: VecDeque::new(),
            run: Run::default(),
        };
        world.inbox.push_back(Event::ParametersSeen(world.parameters));
        for rig in 0..shape.rigs.len() {
            world.add_node(rig);
        }
        world.drain();
        world
    }

    fn now(&self) -> Now {
        Now { millis: (START + self.second) * 1_000, chain: UnixSeconds(START + self.second) }
    }

    fn add_node(&mut self, number: usize) {
        let rig = &self.shape.rigs[number];
        let (node, provider) = (address(b'N', number), address(b'P', number));
        let total = MicroUsdc(1_000_000_000_000);
        // So much to its credit that no outage shuts it out: the optimum knows no reputation.
        let reputation = Reputation { good: total, updated_at: UnixSeconds(START), ..Reputation::default() };
        let stake = Stake { total, paid_in: total, ..Stake::default() };
        self.providers.insert(provider, Provider { stake, reputation, nodes: 1, ..Provider::default() });
        let chain = Node {
            hardware: Hardware {
                gpu_class: rig.gpu_class,
                gpu_count: rig.gpus,
                vram_mib: 24_576,
                cpu_cores: 16 * rig.gpus,
                memory_mib: 65_536 * u32::from(rig.gpus),
                disk_mib: 1_000_000,
                region: rig.region,
                country: *b"DE",
                simulated: false,
            },
            price: PricePerGpuHour(rig.price),
            spot_price: PricePerGpuHour(0),
            service_level: ServiceLevel::None,
            attestation: HardwareAttestation::default(),
            leased: GpuUnits::ZERO,
            status: NodeStatus::Active,
        };
        let (driver, cuda) = (Version::NONE, Version::NONE);
        self.nodes.insert(node, NodeView { provider, key: node, node: chain, driver, cuda });
        self.see_node(node);
        self.connect(number);
    }

    fn connect(&mut self, rig: usize) {
        self.sessions[rig] += 1;
        let (node, session) = (address(b'N', rig), self.sessions[rig]);
        self.held.insert(node, BTreeSet::new());
        self.inbox.push_back(Event::WorkerConnected { node, session, images: BTreeSet::new(), held: Vec::new() });
    }

    fn open_job(&mut self, number: usize) {
        let order = &self.shape.orders[number];
        let job = address(b'J', number);
        let opened = transitions::open_job(terms(order), &self.parameters, self.now().chain).expect("terms are valid");
        let buyer = address(b'B', order.buyer as usize);
        self.slot += 1;
        let view = JobView {
            buyer,
            funder: buyer,
            delegate: None,
            attestor: None,
            id: number as u64,
            opened_slot: self.slot,
            opened_at: self.now().chain,
            spec_hash: sha256(&job.0),
            quorum_round: 0,
            quorum_open: false,
            job: opened,
        };
        self.jobs.insert(job, view);
        self.see_job(job);
        self.drain();
    }

    /// Of each job that is still there: its number, its state on chain, and its leases.
    fn unfinished(&self) -> Vec<(usize, Job, Vec<&LeaseView>)> {
        let leases = |job| self.leases.values().filter(move |lease| lease.job == job).collect();
        self.jobs.iter().map(|(job, view)| (number(*job), view.job, leases(*job))).collect()
    }

    /// When something is next to be done; `next` is the job that arrives next. Where rigs die the scheduler looks
    /// every second.
    fn next_second(&self, next: usize) -> u64 {
        if self.heartbeat == HEARTBEAT {
            return self.second + 1;
        }
        let arrival = self.shape.orders.get(next).map(|order| order.arrival);
        let ends = self.running.values().map(|held| held.until).min();
        let beat = (self.second / self.heartbeat + 1) * self.heartbeat;
        arrival.into_iter().chain(ends).fold(beat, u64::min).max(self.second + 1)
    }

    /// What the second brings.
    fn pass(&mut self) {
        for rig in 0..self.shape.rigs.len() {
            for (from, until) in &self.shape.rigs[rig].outages {
                if self.second == *from {
                    self.die(rig);
                } else if self.second == *until {
                    self.connect(rig);
                }
            }
        }
        let done: Vec<Address> =
            self.running.iter().filter(|(_, held)| held.until <= self.second).map(|(lease, _)| *lease).collect();
        for lease in done {
            self.finish(lease);
        }
        if self.second.is_multiple_of(self.heartbeat) {
            for (node, leases) in &self.held {
                let leases = leases.iter().copied().collect();
                self.inbox.push_back(Event::Heartbeat { node: *node, leases });
            }
        }
        self.give_up();
        self.inbox.push_back(Event::Tick);
        self.drain();
    }

    /// Whoever wanted a service for a time that is over, and has no lease that could end with it, cancels.
    fn give_up(&mut self) {
        let now = self.now().chain;
        let mut cancelled = Vec::new();
        for (job, view) in &mut self.jobs {
            let order = &self.shape.orders[number(*job)];
            let over = order.kind == Kind::Service && self.second > order.arrival + order.lengths[0];
            if over && view.job.state == JobState::Open {
                transitions::cancel_job(&mut view.job, now).expect("an open job can be cancelled");
                cancelled.push(*job);
            }
        }
        for job in cancelled {
            self.slot += 1;
            self.see_job(job);
        }
    }

    /// The rig dies with everything that runs on it.
    fn die(&mut self, rig: usize) {
        let node = address(b'N', rig);
        self.held.remove(&node);
        let lost: Vec<Address> =
            self.running.iter().filter(|(_, held)| held.rig == rig).map(|(lease, _)| *lease).collect();
        lost.into_iter().for_each(|lease| self.stop(lease));
        self.inbox.push_back(Event::WorkerDisconnected { node, session: self.sessions[rig] });
    }

    /// What a replica served counts, what a task did not bring to its end does not.
    fn stop(&mut self, lease: Address) {
        let Some(Held { order, task, rig, from, .. }) = self.running.remove(&lease) else { return };
        if self.shape.orders[order].kind == Kind::Service && self.second > from {
            self.run.stints.push(Stint { order, task: task as usize, rig, from, until: self.second });
        }
    }

    fn finish(&mut self, lease: Address) {
        let Some(Held { order, rig, task, attempt, from, until }) = self.running.remove(&lease) else { return };
        self.run.stints.push(Stint { order, task: task as usize, rig, from, until });
        let progress = TaskProgress::Done { outputs: Vec::new() };
        self.inbox.push_back(Event::TaskUpdate { node: address(b'N', rig), lease, task, attempt, progress });
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.inbox.pop_front() {
            for action in self.core.on_event(self.now(), event) {
                self.carry_out(action);
            }
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::FetchSpec { job, .. } => {
                let order = &self.shape.orders[number(job)];
                self.inbox.push_back(Event::SpecFetched { job, workload: workload(order) });
            }
            Action::OfferLease(offer) => self.award(offer),
            Action::AssignTask { node, lease, job, task, attempt, .. } if self.held.contains_key(&node) => {
                let (order, rig, from) = (number(job), number(node), self.second);
                let until = match self.shape.orders[order].kind {
                    // Until somebody stops it.
                    Kind::Service => u64::MAX,
                    Kind::Tasks | Kind::Gang => from + self.shape.orders[order].lengths[task as usize],
                };
                let before = self.running.insert(lease, Held { order, rig, task, attempt, from, until });
                assert!(before.is_none(), "two tasks at once on one lease");
                let progress = TaskProgress::Phase { phase: TaskPhase::Running, bytes: (0, 0) };
                self.inbox.push_back(Event::TaskUpdate { node, lease, task, attempt, progress });
            }
            Action::StopTask { lease, .. } => self.stop(lease),
            Action::EndLease { node, lease, .. } if self.held.contains_key(&node) => {
                let result_root = self.core.result_root(lease);
                self.inbox.push_back(Event::LeaseReport { node, lease, result_root });
            }
            Action::Settle { lease, voucher } => self.settle(lease, &voucher),
            Action::ExpireLease { lease } => self.expire(lease),
            Action::CloseJob { job } => self.close_job(job),
            Action::LeaseOver { node, lease } => {
                self.held.get_mut(&node).map(|held| held.remove(&lease));
            }
            Action::ExpireJob { .. }
            | Action::FinalizeLease { .. }
            | Action::OpenDispute { .. }
            | Action::ExpireDispute { .. }
            | Action::NoticePreemption { .. }
            | Action::ProposeExtension { .. }
            | Action::TellNotice { .. }
            | Action::InviteBids { .. }
            | Action::TallyQuorum { .. }
            | Action::SettleMember { .. }
            | Action::CloseQuorum { .. }
            | Action::RefuseBid { .. } => {
                panic!(
                    "no job here gives up, is disputed, counted, short of money, takes spot leases or has bids: {action:?}"
                )
            }
            Action::Persist(_)
            | Action::Forget(_)
            | Action::IssueVoucher { .. }
            | Action::AcknowledgeTask { .. }
            | Action::AssignTask { .. }
            | Action::EndLease { .. }
            | Action::Notice(_) => {}
            // Its rigs announce no GPUs: nobody is asked to show any.
            Action::ChallengeNode(_) | Action::AttestNode { .. } | Action::TellRefusal { .. } => {
                unreachable!("{action:?}")
            }
        }
    }

    /// The chain opens the lease, on the node that is chosen.
    fn award(&mut self, offer: Offer) {
        let transaction = Transaction::OpenLease { job: offer.job, offer: offer.offer };
        if !self.held.contains_key(&offer.node) {
            let failure = OpenFailure::Unanswered;
            return self.inbox.push_back(Event::OfferFailed { job: offer.job, offer: offer.offer, failure });
        }
        // The core keeps a gang's nodes for it until the last lease is there, so nobody else can choose one of them.
        let is_gang = self.shape.orders[number(offer.job)].kind == Kind::Gang;
        let fits = |node: &Address| self.try_open(&offer, *node).is_some();
        let fitting: Vec<Address> = if is_gang || self.chooser.trusts_the_core() {
            [offer.node].into_iter().filter(fits).collect()
        } else {
            self.nodes.keys().copied().filter(fits).collect()
        };
        if fitting.is_empty() {
            assert!(!self.chooser.trusts_the_core(), "the chain refuses what was dry-run: {offer:?}");
            // A baseline's choice before took the node from under the core's offer.
            return self.inbox.push_back(Event::TransactionFailed { transaction, cause: taken() });
        }
        let node = self.chooser.choose(&fitting);
        let (job, chain, provider, lease) = self.try_open(&offer, node).expect("one of those that fit");
        let owner = self.nodes[&node].provider;
        self.jobs.insert(offer.job, job);
        self.nodes.insert(node, chain);
        self.providers.insert(owner, provider);
        let mut bytes = offer.job.0;
        bytes[0] = b'L';
        bytes[24..28].copy_from_slice(&offer.number.to_be_bytes());
        let address = Address(bytes);
        let view = LeaseView { job: offer.job, node, provider: owner, number: offer.number, attestor: ATTESTOR, lease };
        self.leases.insert(address, view);
        self.held.entry(node).or_default().insert(address);
        self.land(transaction, offer.job, address, node);
    }

    /// The accounts after the offer's lease is opened on the node, where nothing speaks against it.
    fn try_open(&self, offer: &Offer, node: Address) -> Option<(JobView, NodeView, Provider, Lease)> {
        let leased = self.leases.values().any(|lease| lease.job == offer.job && lease.node == node);
        if leased || !self.held.contains_key(&node) {
            return None;
        }
        let (mut job, mut chain) = (*self.jobs.get(&offer.job)?, *self.nodes.get(&node)?);
        let mut provider = self.providers[&chain.provider];
        let terms = transitions::LeaseOffer { price: chain.node.price, negotiated: false, maximum: offer.maximum };
        let now = self.now().chain;
        let opened =
            transitions::open_lease(&mut job.job, &mut chain.node, &mut provider, terms, &self.parameters, now);
        Some((job, chain, provider, opened.ok()?))
    }

    fn settle(&mut self, address: Address, voucher: &Voucher) {
        let transaction = Transaction::Settle { lease: address, sequence: voucher.sequence };
        self.change_lease(address, transaction, |(job, lease, node, provider), now| {
            transitions::settle(job, lease, node, provider, voucher, (PROGRAM, address), now)
        });
    }

    fn expire(&mut self, address: Address) {
        let transaction = Transaction::ExpireLease { lease: address };
        self.change_lease(address, transaction, |(job, lease, node, provider), now| {
            transitions::expire_lease(job, lease, node, provider, now)
        });
    }

    fn change_lease(
        &mut self,
        address: Address,
        transaction: Transaction,
        change: impl Fn(
            (&mut Job, &mut Lease, &mut Node, &mut Provider),
            UnixSeconds,
        ) -> Result<transitions::Movements, millrace_protocol::Error>,
    ) {
        let now = self.now().chain;
        let view = self.leases.get_mut(&address).expect("a lease that is there");
        let job = &mut self.jobs.get_mut(&view.job).expect("a job with a lease").job;
        let node = &mut self.nodes.get_mut(&view.node).expect("a node with a lease").node;
        let provider = self.providers.get_mut(&view.provider).expect("a provider with a lease");
        let movements = change((job, &mut view.lease, node, provider), now).expect("the chain takes an honest word");
        let (job, node) = (view.job, view.node);
        if movements.settled {
            self.leases.remove(&address);
            if let Some(held) = self.held.get_mut(&node) {
                held.remove(&address);
            }
        }
        self.land(transaction, job, address, node);
    }

    fn close_job(&mut self, job: Address) {
        if let Some(view) = self.jobs.remove(&job) {
            transitions::close_job(&view.job).expect("a job that is over");
            assert_eq!(view.job.state, JobState::Done);
            self.run.paid += view.job.paid.0 + view.job.fees.0;
        }
        self.slot += 1;
        self.see_job(job);
        let transaction = Transaction::CloseJob { job };
        self.inbox.push_back(Event::TransactionDone { transaction, signature: String::new() });
    }

    /// What a landed transaction makes visible.
    fn land(&mut self, transaction: Transaction, job: Address, lease: Address, node: Address) {
        self.slot += 1;
        self.see_job(job);
        let event = match self.leases.get(&lease) {
            Some(view) => Event::LeaseSeen { lease, view: *view },
            None => Event::AccountGone { address: lease },
        };
        self.inbox.push_back(event);
        self.see_node(node);
        self.inbox.push_back(Event::TransactionDone { transaction, signature: String::new() });
    }

    fn see_job(&mut self, job: Address) {
        let event = match self.jobs.get(&job) {
            Some(view) => Event::JobSeen { job, view: *view },
            None => Event::AccountGone { address: job },
        };
        self.inbox.push_back(event);
    }

    fn see_node(&mut self, node: Address) {
        let view = self.nodes[&node];
        let account = self.providers[&view.provider];
        self.inbox.push_back(Event::ProviderSeen { provider: view.provider, account });
        self.inbox.push_back(Event::NodeSeen { node, view });
    }
}

fn terms(order: &Order) -> JobTerms {
    JobTerms {
        requirements: Requirements {
            gpu_classes: order.gpu_classes,
            vram_mib: 0,
            units: GpuUnits(order.gpus),
            regions: 0,
            accept_simulated: false,
        },
        maximum_price: PricePerGpuHour(order.cap),
        concurrent_leases: order.leases,
        lease_seconds: LONGEST,
        start_window: LONGEST,
        retries: 100,
        deposit: MicroUsdc(1_000_000_000_000_000),
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::Streaming,
        verification: Verification::Attested,
        dispute_window: Seconds::ZERO,
    }
}

fn workload(order: &Order) -> Workload {
    let replicas = u32::try_from(order.lengths.len()).expect("few");
    let run_for = order.lengths.first().map(|length| Seconds(*length));
    Workload {
        shape: match order.kind {
            Kind::Tasks => None,
            Kind::Gang => Some(millrace_spec::Shape::Gang(Gang { locality: Locality::Region })),
            Kind::Service => {
                Some(millrace_spec::Shape::Service(Service { replicas, restart: Restart::Always, run_for }))
            }
        },
        tasks: u32::try_from(order.lengths.len()).expect("few"),
        cpu_milli: 1_000,
        memory_mib: 1_024,
        disk_mib: 1_024,
        image: "image:1".to_owned(),
        ..Workload::default()
    }
}

fn taken() -> millrace_scheduler::Cause {
    millrace_scheduler::Cause { code: "taken".to_owned(), message: "the node is taken".to_owned(), hint: String::new() }
}
