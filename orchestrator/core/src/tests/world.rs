//! Chain, workers and disk in one fake. The chain is the real rules of `millrace_protocol`; the
//! workers do what they are told. Everything else the scheduler may try panics.

mod rounds;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use millrace_protocol::quorum::{Quorum, Verdict};
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{
    Address, Dispute, GpuUnits, Hardware, HardwareAttestation, JobState, JobTerms, LeaseState, MicroUsdc, Node,
    NodeStatus, Parameters, Payment, PricePerGpuHour, Provider, Requirements, Ruling, Seconds, ServiceLevel, Stake,
    UnixSeconds, Verification, transitions,
};
use millrace_spec::merkle::{self, Leaf};
use millrace_spec::{Bid, BidSignature, Condition, ObjectRef, Sha256, SignedBid, Version, sha256};

use crate::*;
pub use rounds::{Vote, Voter};

pub const HEARTBEAT: u64 = 2_000;
/// Milliseconds between full readings of the chain, which tell rounds that nothing has happened in, too.
const RECONCILED: u64 = 30_000;
pub const START: u64 = 1_800_000_000;
pub const PROGRAM: Address = Address([9; 32]);
pub const ATTESTOR: Address = Address([8; 32]);

pub fn settings() -> Settings {
    Settings {
        program: PROGRAM,
        attestor: ATTESTOR,
        heartbeat_millis: HEARTBEAT,
        weights: Weights::default(),
        draw_secret: DrawSecret([5; 32]),
        keep_jobs: Seconds(30 * 86_400),
    }
}

pub fn cause(code: &str) -> Cause {
    Cause { code: code.to_owned(), message: code.to_owned(), hint: String::new() }
}

pub fn hardware() -> Hardware {
    Hardware {
        gpu_class: 8,
        gpu_count: 1,
        vram_mib: 24_576,
        cpu_cores: 8,
        memory_mib: 32_768,
        disk_mib: 100_000,
        region: 4,
        country: *b"DE",
        simulated: true,
    }
}

pub fn terms() -> JobTerms {
    JobTerms {
        requirements: Requirements {
            gpu_classes: 0,
            vram_mib: 0,
            units: GpuUnits(1),
            regions: 0,
            accept_simulated: true,
        },
        maximum_price: PricePerGpuHour(1_000_000),
        concurrent_leases: 3,
        lease_seconds: Seconds(600),
        start_window: Seconds(900),
        retries: 2,
        deposit: MicroUsdc(5_000_000),
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::Streaming,
        verification: Verification::Attested,
        dispute_window: Seconds::ZERO,
    }
}

pub fn workload(tasks: u32) -> Workload {
    Workload {
        name: "render".to_owned(),
        tasks,
        task_retries: 1,
        task_seconds: None,
        cpu_milli: 1_000,
        memory_mib: 1_024,
        disk_mib: 1_024,
        image: "image:1".to_owned(),
        placement: Placement::default(),
        shape: None,
        after: Vec::new(),
        retry: None,
        runtime: None,
    }
}

/// A node's bid, as if it had signed it.
pub fn bid(node: Address, price: PricePerGpuHour, invitation: &Invitation) -> SignedBid {
    let Invitation { job, opened_slot, auction, valid_until, .. } = *invitation;
    let bid = Bid { program: PROGRAM, job, opened_slot, auction, node, price, valid_until };
    SignedBid { bid, signature: BidSignature([7; 64]) }
}

/// A rig: what its process knows and holds.
#[derive(Clone, Debug, Default)]
pub struct Rig {
    pub connected: bool,
    pub session: u64,
    pub leases: BTreeSet<Address>,
    /// Running tasks: lease, task, attempt, and the millisecond at which they are done.
    pub running: Vec<(Address, u32, u32, u64)>,
    /// Final reports not acknowledged yet.
    pub unacknowledged: Vec<(Address, u32, u32)>,
    /// What each lease produced here.
    pub produced: BTreeMap<Address, Vec<u32>>,
    pub vouchers: BTreeMap<Address, Voucher>,
    pub refuses: bool,
    /// No lease more time, and takes others.
    pub refuses_extensions: bool,
    /// Of one that answers challenges.
    pub gpus: Option<Vec<String>>,
    /// Leases of which a task failed at last.
    pub failed: BTreeSet<Address>,
    /// What it is to say, and has said, where results are counted. Kept when its process ends.
    pub votes: BTreeMap<Address, Vote>,
}

type SettleReported = fn(
    &mut millrace_protocol::Job,
    &mut millrace_protocol::Lease,
    &mut Provider,
    UnixSeconds,
) -> Result<transitions::Movements, millrace_protocol::Error>;

#[derive(Clone)]
pub struct World {
    pub core: Core,
    pub millis: u64,
    /// How far the chain's clock is ahead, in seconds.
    pub travelled: u64,
    pub slot: u64,
    pub parameters: Parameters,
    pub providers: BTreeMap<Address, Provider>,
    pub nodes: BTreeMap<Address, NodeView>,
    /// Too large to look at all of it after each event.
    pub is_large: bool,
    pub jobs: BTreeMap<Address, JobView>,
    pub leases: BTreeMap<Address, LeaseView>,
    pub disputes: BTreeMap<Address, Dispute>,
    /// What nodes bid; their posted price where nothing is set, nothing where nothing is to be bid.
    pub bids: BTreeMap<Address, Option<PricePerGpuHour>>,
    /// Whether invitations are not answered at all.
    pub mute_bidders: bool,
    pub invitations: Vec<(Vec<Address>, Invitation)>,
    pub refused_bids: Vec<(Address, BidRefused)>,
    pub specs: BTreeMap<Sha256, Workload>,
    pub rigs: BTreeMap<Address, Rig>,
    pub disk: BTreeMap<(Address, u32, u8), Record>,
    pub inbox: VecDeque<Event>,
    pub log: Vec<Action>,
    /// Final settlements and expiries seen on chain: lease, outcome, whole payment.
    pub ended: Vec<(Address, millrace_protocol::LeaseOutcome, MicroUsdc)>,
    pub refunds: BTreeMap<Address, MicroUsdc>,
    pub closed: BTreeMap<Address, JobView>,
    /// Bonds of challengers that went to providers.
    pub kept_bonds: u64,
    pub task_millis: u64,
    /// The network's, which attests where a job names nobody else.
    pub scheduler: Address,
    /// Asked and not answered.
    pub challenges: Vec<ChallengeOrder>,
    /// Transactions are refused while set.
    pub chain_down: bool,
    /// Rigs whose results are not what the task makes.
    pub liars: BTreeSet<Address>,
    /// What the scheduler's key has to pay bonds with.
    pub usdc: MicroUsdc,
    /// Whether containers stop when their lease has notice; they run on to its end otherwise.
    pub leaves_on_notice: bool,
    /// Open rounds, by job: their numbers and accounts.
    pub quorums: BTreeMap<Address, (u32, Quorum)>,
    /// Of nodes that are not honest.
    pub voters: BTreeMap<Address, Voter>,
    pub verdicts: Vec<(Address, Verdict)>,
}

pub fn address(kind: u8, number: u32) -> Address {
    let mut bytes = [0; 32];
    bytes[0] = kind;
    bytes[1..5].copy_from_slice(&number.to_be_bytes());
    Address(bytes)
}

pub fn lease_address(job: Address, opened_slot: u64, number: u32) -> Address {
    let mut bytes = job.0;
    bytes[0] = b'L';
    bytes[20..24].copy_from_slice(&number.to_be_bytes());
    bytes[24..32].copy_from_slice(&opened_slot.to_be_bytes());
    Address(bytes)
}

/// What a task makes, where it is run, or made up.
pub fn output_of(task: u32, is_made_up: bool) -> Output {
    let content = format!("{} {task}", if is_made_up { "noise" } else { "frame" });
    Output {
        path: "frame.png".to_owned(),
        object: ObjectRef { sha256: sha256(content.as_bytes()), size: content.len() as u64 },
    }
}

impl World {
    pub fn new() -> Self {
        let mut world = Self {
            core: Core::new(settings()),
            millis: START * 1_000,
            travelled: 0,
            slot: 1,
            parameters: Parameters::default(),
            providers: BTreeMap::new(),
            nodes: BTreeMap::new(),
            is_large: false,
            jobs: BTreeMap::new(),
            leases: BTreeMap::new(),
            disputes: BTreeMap::new(),
            bids: BTreeMap::new(),
            mute_bidders: false,
            invitations: Vec::new(),
            refused_bids: Vec::new(),
            specs: BTreeMap::new(),
            rigs: BTreeMap::new(),
            disk: BTreeMap::new(),
            inbox: VecDeque::new(),
            log: Vec::new(),
            ended: Vec::new(),
            refunds: BTreeMap::new(),
            closed: BTreeMap::new(),
            kept_bonds: 0,
            task_millis: 3_000,
            scheduler: ATTESTOR,
            challenges: Vec::new(),
            chain_down: false,
            liars: BTreeSet::new(),
            usdc: MicroUsdc(100_000_000),
            leaves_on_notice: false,
            quorums: BTreeMap::new(),
            voters: BTreeMap::new(),
            verdicts: Vec::new(),
        };
        world.inbox.push_back(Event::ParametersSeen(world.parameters));
        world
    }

    /// A world with connected nodes at 100, 200, … thousand micro-USDC per hour.
    pub fn with_nodes(count: u32) -> Self {
        let mut world = Self::new();
        for number in 1..=count {
            let node = world.add_node(number, PricePerGpuHour(u64::from(number) * 100_000), hardware());
            world.connect(node);
        }
        world
    }

    pub fn now(&self) -> Now {
        Now { millis: self.millis, chain: UnixSeconds(self.millis / 1_000 + self.travelled) }
    }

    /// Jobs are kept so long once their accounts are gone.
    pub fn keep_jobs_for(&mut self, seconds: u64) {
        self.core.settings.keep_jobs = Seconds(seconds);
    }

    pub fn add_node(&mut self, number: u32, price: PricePerGpuHour, hardware: Hardware) -> Address {
        let (node, provider) = (address(b'N', number), address(b'P', number));
        let mut stake = Stake::default();
        stake.add(MicroUsdc(1_000_000_000)).unwrap();
        self.providers.insert(provider, Provider { stake, nodes: 1, ..Provider::default() });
        let chain = Node {
            hardware,
            price,
            spot_price: PricePerGpuHour(price.0 / 2),
            service_level: ServiceLevel::None,
            attestation: HardwareAttestation::default(),
            leased: GpuUnits::ZERO,
            status: NodeStatus::Active,
        };
        let (driver, cuda) = (Version(550_054), Version(12_004));
        self.nodes.insert(node, NodeView { provider, key: address(b'K', number), node: chain, driver, cuda });
        self.rigs.insert(node, Rig::default());
        self.see_node(node);
        node
    }

    pub fn add_job(&mut self, number: u32, terms: JobTerms, workload: Workload) -> Address {
        self.add_attested_job(number, terms, workload, None)
    }

    pub fn add_attested_job(
        &mut self,
        number: u32,
        terms: JobTerms,
        workload: Workload,
        attestor: Option<Address>,
    ) -> Address {
        let job = address(b'J', number);
        let spec_hash = sha256(format!("{number}{workload:?}").as_bytes());
        self.specs.insert(spec_hash, workload);
        let opened = transitions::open_job(terms, &self.parameters, self.now().chain).unwrap();
        let (opened_slot, opened_at) = (self.slot, self.now().chain);
        let buyer = address(b'B', number);
        let (funder, id) = (buyer, u64::from(number));
        let view = JobView {
            buyer,
            funder,
            delegate: None,
            attestor,
            id,
            opened_slot,
            opened_at,
            spec_hash,
            quorum_round: 0,
            quorum_open: false,
            job: opened,
        };
        self.jobs.insert(job, view);
        self.see_job(job);
        job
    }

    pub fn see_node(&mut self, node: Address) {
        let view = self.nodes[&node];
        let account = self.providers[&view.provider];
        self.inbox.push_back(Event::ProviderSeen { provider: view.provider, account });
        self.inbox.push_back(Event::NodeSeen { node, view });
    }

    pub fn see_job(&mut self, job: Address) {
        let event = match self.jobs.get(&job) {
            Some(view) => Event::JobSeen { job, view: *view },
            None => Event::AccountGone { address: job },
        };
        self.inbox.push_back(event);
    }

    fn see_lease(&mut self, lease: Address) {
        let event = match self.leases.get(&lease) {
            Some(view) => Event::LeaseSeen { lease, view: *view },
            None => Event::AccountGone { address: lease },
        };
        self.inbox.push_back(event);
        if let Some(dispute) = self.disputes.get(&lease) {
            self.inbox.push_back(Event::DisputeSeen { lease, dispute: *dispute });
        }
    }

    pub fn connect(&mut self, node: Address) {
        let rig = self.rigs.get_mut(&node).unwrap();
        rig.connected = true;
        rig.session += 1;
        let held = rig.leases.iter().map(|lease| HeldLease {
            lease: *lease,
            tasks: rig
                .running
                .iter()
                .map(|(of, task, attempt, _)| (*of, *task, *attempt))
                .chain(rig.unacknowledged.iter().copied())
                .filter(|(of, _, _)| of == lease)
                .map(|(_, task, attempt)| HeldTask { task, attempt })
                .collect(),
        });
        let held = held.collect();
        let reports = rig.unacknowledged.clone();
        let session = rig.session;
        let gpus = rig.gpus.clone();
        self.inbox.push_back(Event::WorkerConnected { node, session, images: BTreeSet::new(), held });
        self.inbox.extend(gpus.map(|gpus| Event::GpusAnnounced { node, session, gpus }));
        for (lease, task, attempt) in reports {
            self.report_done(node, lease, task, attempt);
        }
    }

    /// The stream breaks; the rig's containers run on.
    pub fn disconnect(&mut self, node: Address) {
        let rig = self.rigs.get_mut(&node).unwrap();
        rig.connected = false;
        let session = rig.session;
        self.inbox.push_back(Event::WorkerDisconnected { node, session });
    }

    /// The rig dies with everything that runs on it.
    pub fn kill(&mut self, node: Address) {
        self.disconnect(node);
        let session = self.rigs[&node].session;
        let gpus = self.rigs[&node].gpus.clone();
        self.rigs.insert(node, Rig { session, gpus, ..Rig::default() });
    }

    pub fn report(&mut self, node: Address, lease: Address, task: u32, attempt: u32, progress: TaskProgress) {
        self.inbox.push_back(Event::TaskUpdate { node, lease, task, attempt, progress });
    }

    fn report_done(&mut self, node: Address, lease: Address, task: u32, attempt: u32) {
        let is_made_up =
            self.liars.contains(&node) || matches!(self.voters.get(&node), Some(Voter::Liar | Voter::Swindler));
        let outputs = vec![output_of(task, is_made_up)];
        self.report(node, lease, task, attempt, TaskProgress::Done { outputs });
    }

    pub fn running(&mut self, node: Address, lease: Address, task: u32, attempt: u32) {
        let phase = TaskProgress::Phase { phase: TaskPhase::Running, bytes: (0, 0) };
        self.report(node, lease, task, attempt, phase);
    }

    /// Makes the task fail on its rig.
    pub fn fail_task(&mut self, node: Address, fault: Fault, code: &str) {
        let exit_code = code.strip_prefix("exit-").and_then(|status| status.parse().ok());
        let rig = self.rigs.get_mut(&node).unwrap();
        let (lease, task, attempt, _) = rig.running.remove(0);
        rig.failed.insert(lease);
        self.report(node, lease, task, attempt, TaskProgress::Failed { fault, exit_code, cause: cause(code) });
        self.drain();
    }

    /// Feeds waiting events and carries out what comes back, until nothing is left.
    pub fn drain(&mut self) {
        while let Some(event) = self.inbox.pop_front() {
            self.feed(event);
        }
    }

    pub fn feed(&mut self, event: Event) {
        let now = self.now();
        let is_tick = event == Event::Tick;
        let actions = self.core.on_event(now, event);
        if is_tick && !self.is_large {
            self.check_agenda();
        }
        self.check_order(&actions);
        for action in actions {
            self.log.push(action.clone());
            self.carry_out(action);
        }
        if !self.is_large {
            self.check_hand_outs();
            self.check_claims();
            self.check_sleepers();
        }
    }

    /// A tick looks at few jobs; a look at all of them finds nothing more to do.
    fn check_agenda(&self) {
        let Some(parameters) = self.core.market.parameters().copied() else { return };
        let overlooked = self.core.clone().on_event(self.now(), Event::ParametersSeen(parameters));
        assert_eq!(overlooked, []);
    }

    /// After each event nobody is left who has not been asked, and no line sleeps that a node fits.
    fn check_sleepers(&self) {
        assert_eq!(self.core.queue.first(), None);
        for (id, demand) in self.core.queue.asleep().map(|id| (id, self.core.demands.get(id).unwrap())) {
            if demand.together.is_some() {
                let mut asks = self.core.jobs().filter(|(_, entry)| entry.demand == Some(id));
                let (job, _) = asks.next().unwrap();
                let found = self.core.shortfall(self.now(), job, demand, &mut BTreeSet::new());
                assert!(found.is_some(), "line {id} sleeps, and there are enough nodes for its gangs");
                continue;
            }
            let found = self.core.market.best(self.now(), &Request::new(demand), 1);
            assert!(found.candidates.is_empty(), "line {id} sleeps, and {found:?} fits it");
        }
    }

    /// What the market was told, event by event, is what the leases and offers say now.
    fn check_claims(&self) {
        let leases = self.core.open_leases().map(|entry| entry.address);
        let expected: BTreeMap<Address, Claim> = leases
            .filter(|lease| !self.core.stale_claims.contains(lease))
            .filter_map(|lease| Some((lease, self.core.lease_claim(lease)?)))
            .chain(self.core.jobs().filter_map(|(job, _)| Some((job, self.core.offer_claim(job)?))))
            .chain(self.core.jobs().flat_map(|(job, _)| self.core.seat_claims(job)))
            .chain(self.core.jobs().filter_map(|(job, _)| {
                Some((crate::decide::reservation_holder(job), self.core.reservation_claim(job)?))
            }))
            .collect();
        let known: BTreeMap<Address, Claim> = self
            .core
            .market
            .claims()
            .filter(|(holder, _)| !self.core.stale_claims.contains(holder))
            .map(|(holder, claim)| (holder, *claim))
            .collect();
        assert_eq!(known, expected);
        for (_, entry) in self.core.jobs() {
            let buyer = entry.view.buyer;
            let live = self.core.market.claims().filter(|(_, claim)| claim.held != Held::Report);
            let held: u64 =
                live.filter(|(_, claim)| claim.buyer == Some(buyer)).map(|(_, claim)| u64::from(claim.units.0)).sum();
            let known =
                self.core.queue.held(buyer).checked_add_signed(self.core.holds.get(&buyer).copied().unwrap_or(0));
            assert_eq!(known, Some(held), "what {buyer} holds");
        }
    }

    /// Lets time pass second by second, with heartbeats and ticks.
    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.wait_a_second();
            self.drain();
        }
    }

    /// What a second brings lies in the inbox.
    pub fn wait_a_second(&mut self) {
        self.millis += 1_000;
        self.work();
        if self.millis.is_multiple_of(HEARTBEAT) {
            self.heartbeats();
        }
        if self.millis.is_multiple_of(RECONCILED) && !self.chain_down {
            self.quorums.keys().copied().collect::<Vec<_>>().into_iter().for_each(|job| self.see_quorum(job));
        }
        self.inbox.push_back(Event::Tick);
    }

    pub fn heartbeats(&mut self) {
        for (node, rig) in &self.rigs {
            if rig.connected {
                let leases = rig.leases.iter().copied().collect();
                self.inbox.push_back(Event::Heartbeat { node: *node, leases });
            }
        }
    }

    pub fn work(&mut self) {
        self.vote();
        let nodes: Vec<Address> = self.rigs.keys().copied().collect();
        for node in nodes {
            let millis = self.millis;
            let rig = self.rigs.get_mut(&node).unwrap();
            let done: Vec<_> = rig.running.iter().filter(|task| task.3 <= millis).copied().collect();
            rig.running.retain(|task| task.3 > millis);
            for (lease, task, attempt, _) in done {
                rig.unacknowledged.push((lease, task, attempt));
                rig.produced.entry(lease).or_default().push(task);
            }
            if rig.connected {
                for (lease, task, attempt) in rig.unacknowledged.clone() {
                    self.report_done(node, lease, task, attempt);
                }
            }
        }
    }

    fn check_order(&self, actions: &[Action]) {
        let first_other = actions.iter().position(|action| !action.is_written());
        let last_record = actions.iter().rposition(Action::is_written);
        if let (Some(other), Some(record)) = (first_other, last_record) {
            assert!(record < other, "a record after an action: {actions:?}");
        }
    }

    /// No task is handed out to two rigs that are there.
    pub fn check_hand_outs(&self) {
        let mut seen = BTreeMap::new();
        for (node, rig) in self.rigs.iter().filter(|(_, rig)| rig.connected) {
            for (lease, task, ..) in &rig.running {
                let Some(view) = self.leases.get(lease) else { continue };
                // A rig that was away, or is silent, has not heard yet what it is to stop.
                let heard = self.core.worker(*node).is_some_and(|worker| worker.session == rig.session);
                let heard = heard && self.core.leases.get(lease).is_none_or(|entry| !entry.silenced);
                if !heard || !self.core.is_live(self.now(), *node) {
                    continue;
                }
                // Members of a round all do the same.
                let of = if self.quorums.contains_key(&view.job) { *lease } else { view.job };
                let other = seen.insert((of, *task), *node);
                assert_eq!(other, None, "task {task} runs on {node} as well");
            }
        }
    }

    pub fn carry_out(&mut self, action: Action) {
        match action {
            Action::Persist(record) => self.persist(record),
            Action::Forget(forgotten) => self.forget(&forgotten),
            Action::FetchSpec { job, spec_hash } => {
                let event = match self.specs.get(&spec_hash) {
                    Some(workload) => Event::SpecFetched { job, workload: workload.clone() },
                    None => Event::SpecFailed { job, cause: cause("spec-missing"), permanent: false },
                };
                self.inbox.push_back(event);
            }
            Action::OfferLease(offer) => self.offer(offer),
            Action::ProposeExtension { node, lease, more } => self.extend(node, lease, more),
            Action::InviteBids { nodes, invitation } => self.invite(&nodes, invitation),
            Action::RefuseBid { node, reason, .. } => self.refused_bids.push((node, reason)),
            Action::AssignTask { node, lease, job, task, attempt, peers, .. } => {
                assert!(self.leases.contains_key(&lease), "a task for a lease that does not exist");
                self.check_peers(node, (job, task), &peers);
                let done = self.millis + self.task_millis;
                let rig = self.rigs.get_mut(&node).unwrap();
                if rig.connected {
                    assert!(rig.running.iter().all(|running| running.0 != lease), "two tasks at once on one lease");
                    rig.leases.insert(lease);
                    rig.failed.remove(&lease);
                    rig.running.push((lease, task, attempt, done));
                    self.running(node, lease, task, attempt);
                }
            }
            Action::StopTask { node, lease, task, attempt } => {
                let rig = self.rigs.get_mut(&node).unwrap();
                rig.running.retain(|running| (running.0, running.1, running.2) != (lease, task, attempt));
            }
            Action::AcknowledgeTask { node, lease, task, attempt } => {
                self.rigs.get_mut(&node).unwrap().unacknowledged.retain(|report| *report != (lease, task, attempt));
            }
            Action::EndLease { node, lease, counted } => self.end_lease(node, lease, counted),
            Action::TellNotice { node, lease, left } => self.hear_notice(node, lease, left),
            Action::LeaseOver { node, lease } => forget(self.rigs.get_mut(&node).unwrap(), lease),
            Action::IssueVoucher { node, voucher } => self.take_voucher(node, voucher),
            Action::Settle { lease, voucher } => self.settle(lease, voucher),
            Action::NoticePreemption { lease } => self.notice_preemption(lease),
            Action::ExpireLease { lease } => self.expire_lease(lease),
            Action::FinalizeLease { lease } => self.finalize_lease(lease),
            Action::OpenDispute { lease, evidence, bond } => self.open_dispute(lease, evidence, bond),
            Action::ExpireDispute { lease } => self.expire_dispute(lease),
            Action::TallyQuorum { job } => self.tally_quorum(job),
            Action::SettleMember { lease } => self.settle_member(lease),
            Action::CloseQuorum { job } => self.close_quorum(job),
            Action::ExpireJob { job } => self.expire_job(job),
            Action::CloseJob { job } => self.close_job(job),
            Action::ChallengeNode(order) => {
                assert!(self.rigs[&order.node].leases.is_empty(), "a rig that works is challenged");
                self.challenges.push(order);
            }
            Action::TellRefusal { node, cause } => {
                let Some(Record::Proof(record)) = self.disk.get(&(node, 0, 3)) else { panic!("it is not on disk") };
                assert_eq!(record.refused.as_ref().map(|refused| &refused.cause), Some(&cause));
            }
            Action::AttestNode { node, attestation, digest, .. } => self.attest(node, attestation, digest),
            Action::Notice(_) => {}
        }
    }

    /// A gang's task starts beside all others, each on a node of its own.
    fn check_peers(&self, node: Address, (job, task): (Address, u32), peers: &[Address]) {
        let entry = self.core.job(job).unwrap();
        if entry.workload().unwrap().gang().is_none() {
            return assert!(peers.is_empty());
        }
        assert_eq!(peers[task as usize], node, "rank {task} is on another node");
        let nodes: BTreeSet<_> =
            self.leases.values().filter(|lease| lease.job == job).map(|lease| lease.node).collect();
        let distinct: BTreeSet<_> = peers.iter().copied().collect();
        assert_eq!((peers.len(), distinct.len()), (entry.tasks.len(), entry.tasks.len()));
        let done = entry.tasks.iter().filter(|task| matches!(task.state, TaskState::Done { .. })).count();
        assert!(distinct.difference(&nodes).count() <= done, "{job} starts and not all are there");
    }

    fn persist(&mut self, record: Record) {
        let key = match &record {
            Record::Job(record) => (record.job, 0, 0),
            Record::Task(record) => (record.job, record.number, 1),
            Record::Lease(record) => {
                let before = match self.disk.get(&(record.lease, 0, 2)) {
                    Some(Record::Lease(before)) => before.voucher.map_or(0, |voucher| voucher.sequence),
                    _ => 0,
                };
                let sequence = record.voucher.map_or(0, |voucher| voucher.sequence);
                assert!(sequence >= before, "a voucher's sequence fell");
                (record.lease, 0, 2)
            }
            Record::MemberTask(record) => (record.lease, record.number, 5),
            Record::Proof(record) => (record.node, 0, 3),
            Record::Auction(auction) => {
                auction.check().expect("a decision that does not follow from the bids");
                (auction.book.job, auction.book.auction, 4)
            }
        };
        let text = serde_json::to_string(&record).unwrap();
        let record = serde_json::from_str(&text).unwrap();
        self.disk.insert(key, record);
    }

    fn forget(&mut self, Forgotten { job, opened_slot, leases, is_replaced }: &Forgotten) {
        let on_chain = self.jobs.get(job).map(|view| view.opened_slot);
        assert_ne!(on_chain, Some(*opened_slot), "a job with an account is forgotten");
        assert!(leases.iter().all(|lease| !self.leases.contains_key(lease)), "a lease with an account is forgotten");
        assert_eq!(self.core.job(*job).is_some(), *is_replaced);
        self.disk.retain(|(address, _, kind), _| match kind {
            0 | 1 | 4 => *is_replaced || address != job,
            2 | 5 => !leases.contains(address),
            _ => true,
        });
    }

    /// The node's word on what it was asked last.
    pub fn answer(&mut self, node: Address, result: ChallengeResult) {
        let at = self.challenges.iter().position(|order| order.node == node).expect("nothing was asked");
        let challenge = self.challenges.remove(at).challenge;
        self.inbox.push_back(Event::ChallengeEnded { node, challenge, result });
        self.drain();
    }

    fn attest(&mut self, node: Address, attestation: HardwareAttestation, digest: Sha256) {
        let transaction = Transaction::AttestNode { node };
        if self.chain_down {
            self.inbox.push_back(Event::TransactionFailed { transaction, cause: cause("rpc") });
            return;
        }
        let Some(Record::Proof(record)) = self.disk.get(&(node, 0, 3)) else { panic!("nothing of it is on disk") };
        match &record.shown {
            Some(shown) => assert_eq!(shown.evidence.digest(node), digest, "something else is on disk"),
            None => assert_eq!((attestation, record.withdrawn), (HardwareAttestation::default(), true)),
        }
        attestation.check(self.now().chain).expect("an attestation that has expired");
        let view = self.nodes.get_mut(&node).unwrap();
        assert!(!view.node.hardware.simulated, "simulated hardware is attested");
        view.node.attestation = attestation;
        self.slot += 1;
        self.see_node(node);
        self.inbox.push_back(Event::TransactionDone { transaction, signature: "attest".to_owned() });
    }

    fn take_voucher(&mut self, node: Address, voucher: Voucher) {
        match self.disk.get(&(voucher.lease, 0, 2)) {
            Some(Record::Lease(record)) => {
                assert_eq!(record.voucher, Some(voucher), "a voucher was issued before it was on disk");
            }
            other => panic!("a voucher for a lease that is not on disk: {other:?}"),
        }
        let rig = self.rigs.get_mut(&node).unwrap();
        if !rig.connected {
            return;
        }
        if voucher.is_final {
            forget(rig, voucher.lease);
        }
        if let Some(before) = rig.vouchers.insert(voucher.lease, voucher) {
            assert!(voucher.sequence > before.sequence || voucher == before, "{before:?} then {voucher:?}");
            assert!(voucher.metered >= before.metered);
        }
    }

    fn end_lease(&mut self, node: Address, lease: Address, counted: bool) {
        let rig = self.rigs.get_mut(&node).unwrap();
        if !rig.connected {
            return;
        }
        rig.running.retain(|running| running.0 != lease);
        if counted {
            self.prepare_vote(node, lease);
            return self.vote();
        }
        let lies = self.liars.contains(&node);
        let leaves = rig.produced.get(&lease).into_iter().flatten().map(|task| {
            let output = output_of(*task, lies);
            Leaf { task: *task, path: output.path, object: output.object }
        });
        let result_root = merkle::root(leaves.collect());
        self.inbox.push_back(Event::LeaseReport { node, lease, result_root });
    }

    fn offer(&mut self, offer: Offer) {
        let open = Transaction::OpenLease { job: offer.job, offer: offer.offer };
        let rig = &self.rigs[&offer.node];
        if rig.refuses || !rig.connected {
            let failure =
                if rig.connected { OpenFailure::Refused(cause("node-busy")) } else { OpenFailure::Unanswered };
            self.inbox.push_back(Event::OfferFailed { job: offer.job, offer: offer.offer, failure });
            return;
        }
        if self.chain_down {
            self.inbox.push_back(Event::TransactionFailed { transaction: open, cause: cause("rpc") });
            return;
        }
        self.award(offer);
    }

    /// The chain opens the lease, whoever signed in the scheduler's place.
    pub fn award(&mut self, offer: Offer) {
        let open = Transaction::OpenLease { job: offer.job, offer: offer.offer };
        if let Some(root) = offer.bid_book {
            self.check_award(offer, root);
        }
        self.check_turn(offer.job);
        let now = self.now().chain;
        let Some(job) = self.jobs.get_mut(&offer.job) else { panic!("an offer for a job that is gone") };
        assert_eq!(job.job.leases_opened, offer.number, "a lease number that is not the next");
        let node = self.nodes.get_mut(&offer.node).unwrap();
        let provider = self.providers.get_mut(&offer.provider).unwrap();
        let negotiated = offer.bid_book.is_some();
        let agreed = transitions::LeaseOffer { price: offer.price, negotiated, maximum: offer.maximum };
        let opened = transitions::open_lease(&mut job.job, &mut node.node, provider, agreed, &self.parameters, now);
        match opened {
            Ok(lease) => {
                let address = lease_address(offer.job, job.opened_slot, offer.number);
                let (node, provider, number) = (offer.node, offer.provider, offer.number);
                let attestor = job.attestor.unwrap_or(self.scheduler);
                let ends_by = lease.latest_end().unwrap();
                self.leases.insert(address, LeaseView { job: offer.job, node, provider, number, attestor, lease });
                self.rigs.get_mut(&offer.node).unwrap().leases.insert(address);
                self.join_round(&offer, address, ends_by);
                self.land(open, offer.job, address, offer.node);
            }
            // Its owner has just changed it, and the scheduler is about to hear so.
            Err(millrace_protocol::Error::PriceNotAgreed) if !negotiated => {
                self.inbox.push_back(Event::TransactionFailed { transaction: open, cause: cause("price") });
            }
            Err(error) => panic!("the chain refuses what was dry-run: {error}"),
        }
    }

    /// The node agrees where it is there, and the chain gives its lease more time.
    fn extend(&mut self, node: Address, address: Address, more: Seconds) {
        let extend = Transaction::ExtendLease { lease: address };
        let rig = &self.rigs[&node];
        if rig.refuses || rig.refuses_extensions || !rig.connected {
            let refused = OpenFailure::Refused(cause("rig-draining"));
            let failure = if rig.connected { refused } else { OpenFailure::Unanswered };
            self.inbox.push_back(Event::ExtensionFailed { lease: address, failure });
            return;
        }
        let now = self.now().chain;
        let Some(view) = self.leases.get_mut(&address).filter(|_| !self.chain_down) else {
            self.inbox.push_back(Event::TransactionFailed { transaction: extend, cause: cause("gone") });
            return;
        };
        let job = &mut self.jobs.get_mut(&view.job).unwrap().job;
        match transitions::extend_lease(job, &mut view.lease, more, now) {
            Ok(()) => {
                let job = view.job;
                self.land(extend, job, address, node);
            }
            Err(
                millrace_protocol::Error::JobNotOpen
                | millrace_protocol::Error::LeaseNotLive
                | millrace_protocol::Error::DeadlinePassed,
            ) => {
                // Somebody else was quicker; the chain's state says so right away.
                self.see_lease(address);
                self.inbox.push_back(Event::TransactionFailed { transaction: extend, cause: cause("refused") });
            }
            Err(error) => panic!("the chain refuses what was dry-run: {error}"),
        }
    }

    /// The buyer adds to the job.
    pub fn top_up(&mut self, job: Address, extension: transitions::JobExtension) {
        let now = self.now().chain;
        transitions::extend_job(&mut self.jobs.get_mut(&job).unwrap().job, extension, now).unwrap();
        self.slot += 1;
        self.see_job(job);
        self.drain();
    }

    /// What comes first is over, and on disk.
    fn check_turn(&self, job: Address) {
        let Some(workload) = self.specs.get(&self.jobs[&job].spec_hash) else { return };
        for first in &workload.after {
            let outcome = match self.disk.get(&(first.job, 0, 0)) {
                Some(Record::Job(record)) => record.outcome.as_ref(),
                _ => None,
            };
            let met = match first.on {
                Condition::Completed => outcome == Some(&Outcome::Completed),
                Condition::Ended => outcome.is_some(),
            };
            assert!(met, "{job} has a lease, and {} before it has come to {outcome:?}", first.job);
        }
    }

    /// Each node that is there bids what it is set to, or its posted price.
    fn invite(&mut self, nodes: &[Address], invitation: Invitation) {
        for node in nodes.iter().copied() {
            let Some(price) = self.bid_of(node) else {
                let (job, auction) = (invitation.job, invitation.auction);
                self.inbox.push_back(Event::BidDeclined { node, job, auction });
                continue;
            };
            if self.rigs[&node].connected && !self.mute_bidders {
                let bid = bid(node, price, &invitation);
                self.inbox.push_back(Event::BidMade { signed: bid, key: self.nodes[&node].key });
            }
        }
        self.invitations.push((nodes.to_vec(), invitation));
    }

    fn bid_of(&self, node: Address) -> Option<PricePerGpuHour> {
        self.bids.get(&node).copied().unwrap_or(Some(self.nodes[&node].node.price))
    }

    /// What a lease is opened on is on disk already.
    fn check_award(&self, offer: Offer, root: Sha256) {
        let awards = self.disk.values().filter_map(|record| match record {
            Record::Auction(auction) if auction.root == root => auction.steps.last().cloned(),
            _ => None,
        });
        let award = Step::Awarded { lease: offer.number, node: offer.node };
        assert_eq!(awards.collect::<Vec<_>>(), [award], "it was not written down");
    }

    fn settle(&mut self, address: Address, voucher: Voucher) {
        let settle = Transaction::Settle { lease: address, sequence: voucher.sequence };
        if self.chain_down {
            self.inbox.push_back(Event::TransactionFailed { transaction: settle, cause: cause("rpc") });
            return;
        }
        let now = self.now().chain;
        let Some(view) = self.leases.get_mut(&address) else {
            self.inbox.push_back(Event::TransactionFailed { transaction: settle, cause: cause("gone") });
            return;
        };
        let job = &mut self.jobs.get_mut(&view.job).unwrap().job;
        let node = &mut self.nodes.get_mut(&view.node).unwrap().node;
        let provider = self.providers.get_mut(&view.provider).unwrap();
        let at = (PROGRAM, address);
        let settled = transitions::settle(job, &mut view.lease, node, provider, &voucher, at, now);
        let (job_address, node_address) = (view.job, view.node);
        match settled {
            Ok(movements) => {
                if movements.settled {
                    self.leave_round(job_address, address);
                }
                self.follow(address, movements);
                self.land(settle, job_address, address, node_address);
            }
            Err(millrace_protocol::Error::VoucherStale | millrace_protocol::Error::LeaseNotLive) => {
                // Redeemed before a crash; the chain's state says so right away.
                self.see_lease(address);
                self.inbox.push_back(Event::TransactionFailed { transaction: settle, cause: cause("stale") });
            }
            Err(error) => panic!("the chain refuses a voucher: {error}"),
        }
    }

    fn notice_preemption(&mut self, address: Address) {
        let notice = Transaction::NoticePreemption { lease: address };
        let now = self.now().chain;
        let Some(view) = self.leases.get_mut(&address).filter(|_| !self.chain_down) else {
            self.inbox.push_back(Event::TransactionFailed { transaction: notice, cause: cause("gone") });
            return;
        };
        let job = self.jobs[&view.job].job;
        match transitions::notice_preemption(&job, &mut view.lease, &self.parameters, now) {
            Ok(()) => {
                let (job, node) = (view.job, view.node);
                self.land(notice, job, address, node);
            }
            Err(millrace_protocol::Error::PreemptedAlready | millrace_protocol::Error::LeaseNotLive) => {
                // Somebody else was quicker; the chain's state says so right away.
                self.see_lease(address);
                self.inbox.push_back(Event::TransactionFailed { transaction: notice, cause: cause("refused") });
            }
            Err(error) => panic!("the chain refuses a notice: {error}"),
        }
    }

    fn hear_notice(&mut self, node: Address, lease: Address, left: Seconds) {
        let on_chain = &self.leases[&lease].lease;
        assert_eq!(left, on_chain.preempted_at.since(self.now().chain), "the worker hears of another end");
        let rig = self.rigs.get_mut(&node).unwrap();
        assert!(rig.connected, "nobody hears it");
        if !self.leaves_on_notice {
            return;
        }
        let stopped: Vec<_> = rig.running.extract_if(.., |running| running.0 == lease).collect();
        for (lease, task, attempt, _) in stopped {
            let cause = cause("preempted");
            self.report(
                node,
                lease,
                task,
                attempt,
                TaskProgress::Failed { fault: Fault::Nobody, exit_code: None, cause },
            );
        }
    }

    fn expire_lease(&mut self, address: Address) {
        let expire = Transaction::ExpireLease { lease: address };
        let now = self.now().chain;
        let Some(view) = self.leases.get_mut(&address) else {
            self.inbox.push_back(Event::TransactionFailed { transaction: expire, cause: cause("gone") });
            return;
        };
        let job = &mut self.jobs.get_mut(&view.job).unwrap().job;
        let node = &mut self.nodes.get_mut(&view.node).unwrap().node;
        let provider = self.providers.get_mut(&view.provider).unwrap();
        let expired = transitions::expire_lease(job, &mut view.lease, node, provider, now);
        let (job, node) = (view.job, view.node);
        self.follow(address, expired.expect("expired too early"));
        self.leave_round(job, address);
        self.land(expire, job, address, node);
    }

    fn finalize_lease(&mut self, address: Address) {
        let finalize = Transaction::FinalizeLease { lease: address };
        if self.chain_down || !self.leases.contains_key(&address) {
            self.inbox.push_back(Event::TransactionFailed { transaction: finalize, cause: cause("gone") });
            return;
        }
        let (job, node) = (self.leases[&address].job, self.leases[&address].node);
        self.settle_reported(address, transitions::finalize_lease).expect("finalized too early");
        self.land(finalize, job, address, node);
    }

    fn open_dispute(&mut self, address: Address, evidence: Sha256, bond: MicroUsdc) {
        let open = Transaction::OpenDispute { lease: address };
        let view = *self.leases.get(&address).expect("a dispute about a lease that is gone");
        let Some(Record::Job(record)) = self.disk.get(&(view.job, 0, 0)) else { panic!("the job is not on disk") };
        let known = record.findings.iter().filter(|finding| finding.evidence == Some(evidence));
        assert_eq!(evidence_digest(view.job, address, known), evidence, "what the evidence is of is not on disk");
        if self.chain_down || self.usdc < bond {
            let cause = cause(if self.chain_down { "rpc" } else { "dispute-bond-missing" });
            self.inbox.push_back(Event::TransactionFailed { transaction: open, cause });
            return;
        }
        let now = self.now().chain;
        let lease = &mut self.leases.get_mut(&address).unwrap().lease;
        let job = &mut self.jobs.get_mut(&view.job).unwrap().job;
        let dispute = match transitions::open_dispute(job, lease, &self.parameters, now) {
            Ok(dispute) => dispute,
            Err(millrace_protocol::Error::LeaseNotReported) => {
                // Disputed before a crash; the chain's state says so right away.
                self.see_lease(address);
                self.inbox.push_back(Event::TransactionFailed { transaction: open, cause: cause("refused") });
                return;
            }
            Err(error) => panic!("the chain refuses a dispute: {error}"),
        };
        assert_eq!(dispute.bond, bond);
        self.usdc = self.usdc.minus(bond).unwrap();
        self.disputes.insert(address, dispute);
        self.land(open, view.job, address, view.node);
    }

    fn expire_dispute(&mut self, address: Address) {
        let expire = Transaction::ExpireDispute { lease: address };
        if self.chain_down || !self.leases.contains_key(&address) {
            self.inbox.push_back(Event::TransactionFailed { transaction: expire, cause: cause("gone") });
            return;
        }
        let (job, node) = (self.leases[&address].job, self.leases[&address].node);
        self.settle_disputed(address, None);
        self.land(expire, job, address, node);
    }

    fn settle_reported(
        &mut self,
        address: Address,
        transition: SettleReported,
    ) -> Result<(), millrace_protocol::Error> {
        let now = self.now().chain;
        let view = self.leases.get_mut(&address).unwrap();
        let job = &mut self.jobs.get_mut(&view.job).unwrap().job;
        let provider = self.providers.get_mut(&view.provider).unwrap();
        let movements = transition(job, &mut view.lease, provider, now)?;
        self.follow(address, movements);
        Ok(())
    }

    /// What a settled lease leaves behind.
    fn follow(&mut self, address: Address, movements: transitions::Movements) {
        if let (true, Some(outcome)) = (movements.settled, movements.ended) {
            let view = self.leases.remove(&address).unwrap();
            self.disputes.remove(&address);
            self.ended.push((address, outcome, view.lease.paid));
        }
    }

    /// Somebody else brings a voucher to the chain.
    pub fn redeem(&mut self, lease: Address, voucher: &Voucher) {
        let now = self.now().chain;
        let view = self.leases.get_mut(&lease).unwrap();
        let job = &mut self.jobs.get_mut(&view.job).unwrap().job;
        let node = &mut self.nodes.get_mut(&view.node).unwrap().node;
        let provider = self.providers.get_mut(&view.provider).unwrap();
        let at = (PROGRAM, lease);
        let movements = transitions::settle(job, &mut view.lease, node, provider, voucher, at, now).unwrap();
        self.follow(lease, movements);
    }

    /// The buyer's word on a reported lease.
    pub fn accept(&mut self, lease: Address) {
        self.settle_reported(lease, transitions::accept_lease).unwrap();
        self.see_all(lease);
    }

    pub fn dispute(&mut self, lease: Address) {
        let now = self.now().chain;
        let view = self.leases.get_mut(&lease).unwrap();
        let job = &mut self.jobs.get_mut(&view.job).unwrap().job;
        let dispute = transitions::open_dispute(job, &mut view.lease, &self.parameters, now).unwrap();
        self.disputes.insert(lease, dispute);
        self.see_all(lease);
    }

    /// The arbiter decides, or nobody does.
    pub fn rule(&mut self, lease: Address, ruling: Option<Ruling>) {
        self.settle_disputed(lease, ruling);
        self.see_all(lease);
    }

    fn settle_disputed(&mut self, lease: Address, ruling: Option<Ruling>) {
        let now = self.now().chain;
        let dispute = self.disputes[&lease];
        let view = self.leases.get_mut(&lease).unwrap();
        let job = &mut self.jobs.get_mut(&view.job).unwrap().job;
        let provider = self.providers.get_mut(&view.provider).unwrap();
        let settled = match ruling {
            Some(ruling) => transitions::resolve_dispute(job, &mut view.lease, provider, &dispute, ruling, now),
            None => transitions::expire_dispute(job, &mut view.lease, provider, &dispute, now),
        };
        let movements = settled.unwrap();
        self.kept_bonds += movements.challenger_forfeit.0;
        self.follow(lease, movements);
    }

    /// The node's, or the scheduler key's, doing beside the scheduler.
    pub fn change_lease(
        &mut self,
        lease: Address,
        change: impl Fn(&JobView, &mut LeaseView, &Parameters, UnixSeconds),
    ) {
        let now = self.now().chain;
        let view = self.leases.get_mut(&lease).unwrap();
        change(&self.jobs[&view.job], view, &self.parameters, now);
        self.see_all(lease);
    }

    fn see_all(&mut self, lease: Address) {
        self.slot += 1;
        if let Some(view) = self.core.leases.get(&lease).map(|entry| entry.view) {
            self.see_lease(lease);
            self.see_node(view.node);
            self.see_job(view.job);
        }
        self.drain();
    }

    pub fn reported(&self) -> Vec<Address> {
        let reported = |view: &&LeaseView| view.lease.state == LeaseState::Reported;
        self.leases.iter().filter(|(_, view)| reported(view)).map(|(lease, _)| *lease).collect()
    }

    fn expire_job(&mut self, job: Address) {
        let now = self.now().chain;
        transitions::expire_job(&mut self.jobs.get_mut(&job).unwrap().job, now).expect("expired too early");
        self.slot += 1;
        self.see_job(job);
        let transaction = Transaction::ExpireJob { job };
        self.inbox.push_back(Event::TransactionDone { transaction, signature: "expire".to_owned() });
    }

    fn close_job(&mut self, job: Address) {
        if let Some(view) = self.jobs.remove(&job) {
            let refund = transitions::close_job(&view.job).expect("closed too early");
            self.refunds.insert(job, refund);
            self.closed.insert(job, view);
            self.slot += 1;
        }
        self.see_job(job);
        assert!(!self.quorums.contains_key(&job), "a job is closed before its round");
        let transaction = Transaction::CloseJob { job };
        self.inbox.push_back(Event::TransactionDone { transaction, signature: "close".to_owned() });
    }

    pub fn cancel(&mut self, job: Address) {
        let now = self.now().chain;
        transitions::cancel_job(&mut self.jobs.get_mut(&job).unwrap().job, now).unwrap();
        self.slot += 1;
        self.see_job(job);
        self.drain();
    }

    /// What a landed transaction makes visible.
    fn land(&mut self, transaction: Transaction, job: Address, lease: Address, node: Address) {
        self.slot += 1;
        self.see_job(job);
        self.see_lease(lease);
        self.see_node(node);
        self.see_quorum(job);
        self.inbox.push_back(Event::TransactionDone { transaction, signature: format!("{transaction:?}") });
    }

    /// Runs until the job is finished and the money exact, for at most `turns`, and kills the scheduler at its `step`th
    /// answer as [`Self::kill_at`] says. False where there is no such answer, or it has fewer actions than are to
    /// survive.
    pub fn finish_killed_at(&mut self, job: Address, turns: u32, step: usize, survives: Option<usize>) -> bool {
        self.live_killed_at(|world| world.finished(job), turns, step, survives)
    }

    /// The same, until something else is so.
    pub fn live_killed_at(
        &mut self,
        is_over: impl Fn(&Self) -> bool,
        turns: u32,
        step: usize,
        survives: Option<usize>,
    ) -> bool {
        let (mut n_events, mut killed) = (0, false);
        for _ in 0..turns {
            let Some(event) = self.inbox.pop_front() else {
                if is_over(self) {
                    break;
                }
                self.wait_a_second();
                continue;
            };
            if n_events == step && !killed {
                killed = true;
                if !self.kill_at(event, survives) {
                    return false;
                }
                continue;
            }
            n_events += 1;
            self.feed(event);
        }
        let left = || self.core.jobs().map(|(job, entry)| (self.explain(job), entry.clone())).collect::<Vec<_>>();
        assert!(is_over(self), "killed at {step}, survives {survives:?}: {:?}", left());
        self.check_money();
        killed
    }

    /// Kills the scheduler at its answer to this event and restarts it. Its records are written together and before
    /// all else; they survive with so many of the actions that follow them, or nothing does. False where there are
    /// fewer.
    pub fn kill_at(&mut self, event: Event, survives: Option<usize>) -> bool {
        let actions = self.core.on_event(self.now(), event);
        let (records, others): (Vec<_>, Vec<_>) = actions.into_iter().partition(Action::is_written);
        let enough = survives.is_none_or(|most| others.len() >= most);
        if let Some(most) = survives {
            records.into_iter().chain(others.into_iter().take(most)).for_each(|action| self.carry_out(action));
        }
        self.restart();
        enough
    }

    /// SIGKILL and a new start: what is on disk, then the chain, then the workers.
    pub fn restart(&mut self) {
        self.inbox.clear();
        self.challenges.clear();
        self.core = Core::restore(*self.core.settings(), self.now(), self.disk.values().cloned());
        self.slot += 1;
        self.inbox.push_back(Event::ParametersSeen(self.parameters));
        for node in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.see_node(node);
        }
        let known: Vec<Address> = self.core.jobs().filter(|(_, entry)| entry.on_chain).map(|(job, _)| job).collect();
        for job in self.jobs.keys().copied().chain(known).collect::<BTreeSet<_>>() {
            self.see_job(job);
        }
        for job in self.quorums.keys().copied().collect::<Vec<_>>() {
            self.see_quorum(job);
        }
        let known: Vec<Address> = self.core.leases.keys().copied().collect();
        for lease in self.leases.keys().copied().chain(known).collect::<BTreeSet<_>>() {
            self.see_lease(lease);
        }
        for (node, rig) in self.rigs.clone().into_iter().filter(|(_, rig)| rig.connected) {
            self.connect(node);
            for (lease, task, attempt, _) in rig.running {
                self.running(node, lease, task, attempt);
            }
        }
    }

    // What tests ask for.

    pub fn offers(&self) -> Vec<Offer> {
        self.log
            .iter()
            .filter_map(|action| match action {
                Action::OfferLease(offer) => Some(*offer),
                _ => None,
            })
            .collect()
    }

    pub fn settled(&self) -> Vec<Voucher> {
        self.log
            .iter()
            .filter_map(|action| match action {
                Action::Settle { voucher, .. } => Some(*voucher),
                _ => None,
            })
            .collect()
    }

    pub fn count(&self, wanted: impl Fn(&Action) -> bool) -> usize {
        self.log.iter().filter(|action| wanted(action)).count()
    }

    pub fn lease_of(&self, node: Address) -> Address {
        *self.leases.iter().find(|(_, view)| view.node == node).expect("the node has no lease").0
    }

    pub fn outcome(&self, job: Address) -> Option<&Outcome> {
        self.core.job(job).and_then(|entry| entry.outcome.as_ref())
    }

    pub fn explain(&self, job: Address) -> Explanation {
        self.core.explain(self.now(), job).unwrap()
    }

    pub fn final_class(&self, lease: Address) -> Option<ExitClass> {
        let voucher = self.core.lease(lease)?.voucher?;
        voucher.is_final.then_some(voucher.exit_class)
    }

    /// Deposit = paid + fees + refund − compensation, per closed job; nothing is locked or leased any more.
    pub fn check_money(&self) {
        for (job, view) in &self.closed {
            let job_view = &view.job;
            let refund = self.refunds[job];
            let out = job_view.paid.0 + job_view.fees.0 + refund.0;
            assert_eq!(out, job_view.terms.deposit.0 + job_view.compensation.0, "the sum of {job}");
            assert_eq!(job_view.reserved, MicroUsdc::ZERO);
        }
        if self.jobs.is_empty() {
            assert!(self.leases.is_empty());
            for view in self.nodes.values() {
                assert_eq!(view.node.leased, GpuUnits::ZERO);
            }
            let (mut earned, mut slashed) = (0, 0);
            for provider in self.providers.values() {
                provider.invariant().unwrap();
                assert_eq!(provider.stake.locked, MicroUsdc::ZERO);
                earned += provider.earnings.total().unwrap().0;
                slashed += provider.stake.slashed.0;
            }
            let sum = |pick: fn(&JobView) -> u64| self.closed.values().map(pick).sum::<u64>();
            let paid = sum(|view| view.job.paid.0 + view.job.fees.0);
            // What a slash does not give to a buyer stays as the network's.
            let forfeited = slashed - sum(|view| view.job.compensation.0);
            assert_eq!(earned, paid + forfeited + self.kept_bonds);
        }
    }

    /// Whether the job is closed on chain with every task done; of a service, with its time over.
    pub fn finished(&self, job: Address) -> bool {
        let served = |entry: &JobEntry| entry.is_service() && entry.outcome == Some(Outcome::Completed);
        self.closed.get(&job).is_some_and(|view| view.job.state == JobState::Done)
            && self.core.job(job).is_some_and(|entry| entry.all_done() || served(entry))
    }
}

fn forget(rig: &mut Rig, lease: Address) {
    rig.leases.remove(&lease);
    rig.running.retain(|running| running.0 != lease);
    rig.unacknowledged.retain(|report| report.0 != lease);
    rig.produced.remove(&lease);
}
