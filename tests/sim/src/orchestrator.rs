//! The orchestrator's shell around the real scheduler, step by step like the real one: inputs that wait are
//! taken together, their records are written in one go, and only then is anything said.

mod act;
mod extensions;
mod streams;
mod watch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use millrace_protocol::{Address, UnixSeconds};
use millrace_scheduler::{
    Action, Auction, Cause, Core, DrawSecret, Event, Forgotten, Now, Offer, Record, Settings, SpecStatus, TaskState,
    Weights, Workload,
};

use crate::chain::Chain;
use crate::harm::Harm;
use crate::ledger::Account;
use crate::message::ToOrchestrator;
use crate::name;
use crate::proof::Exam;
use crate::sabotage::Sabotage;
use crate::scenario::{Fault, Scenario};
use crate::simulation::{Chore, START, Simulation, What};

/// Between two looks at the clock, as in the real shell.
const TICK: u64 = 500;
/// How many waiting inputs are taken together, as in the real shell.
const BATCH: usize = 256;
/// Most milliseconds of a write, and while the disk is slow.
const WRITE: u64 = 8;
const SLOW_WRITE: u64 = 3_000;
/// Between two readings of the chain's clock.
const CLOCK_EVERY: u64 = 2_000;

/// What comes in.
#[derive(Debug)]
pub enum Input {
    Event(Event),
    /// Accounts as they were read in a slot, and what to tell the scheduler after them.
    Updates {
        updates: Vec<(u64, Address, Option<Account>)>,
        then: Option<Event>,
    },
    Reconciled,
    FromStream {
        session: u64,
        node: Address,
        message: ToOrchestrator,
    },
    Detached {
        session: u64,
        node: Address,
    },
    SpecRead {
        job: Address,
        read: bool,
    },
}

/// An offer that waits for its node's word.
struct Asked {
    offer: Offer,
    lease: Address,
    opened_slot: u64,
    session: Option<u64>,
    valid_until: u64,
    sent: bool,
}

/// Records on their way to the disk.
struct Writing {
    records: Vec<Action>,
    /// What is said once they are there.
    then: Vec<Action>,
    /// Longer than a disk takes that is well.
    is_slow: bool,
}

/// One run of the process.
struct Running {
    core: Core,
    accounts: BTreeMap<Address, Option<Account>>,
    specs: BTreeSet<Address>,
    sessions: BTreeMap<Address, u64>,
    inbox: VecDeque<Input>,
    writing: Option<Writing>,
    turn_planned: bool,
    asked: BTreeMap<u64, Asked>,
    extensions: BTreeMap<u64, extensions::Proposed>,
    /// Challenges that are with rigs, by node.
    exams: BTreeMap<Address, Exam>,
    /// What the watcher has told, and in which slot it was so.
    told: BTreeMap<Address, (u64, Option<Account>)>,
    reading: bool,
    last_told_at: u64,
    reconciled: bool,
    chain_ahead: i64,
}

#[derive(Default)]
pub struct Orchestrator {
    /// Counts the runs of the process.
    pub run: u64,
    running: Option<Running>,
    no_exams: BTreeMap<Address, Exam>,
    store: BTreeMap<(Address, u32, u8), Record>,
    /// Counts the writes of all runs.
    pub writes: u64,
    pub kills: u64,
    /// Counts what nodes were asked in all runs: no answer to an earlier run is taken for one to a later.
    asked: u64,
    /// When it last began to see chain and clock again, in milliseconds.
    pub up_since: u64,
}

impl Orchestrator {
    pub fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// Whether workers are let in.
    pub fn is_open(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.reconciled)
    }

    pub fn core(&self) -> Option<&Core> {
        self.running.as_ref().map(|running| &running.core)
    }

    /// Every auction on the disk.
    pub fn auctions(&self) -> impl Iterator<Item = &Auction> {
        self.store.values().filter_map(|record| match record {
            Record::Auction(auction) => Some(&**auction),
            _ => None,
        })
    }

    pub fn stored(&self, address: Address, number: u32, kind: u8) -> Option<&Record> {
        self.store.get(&(address, number, kind))
    }

    /// Nothing waits and nothing is being written.
    pub fn is_idle(&self) -> bool {
        self.running.as_ref().is_some_and(|running| {
            running.inbox.is_empty()
                && running.writing.is_none()
                && running.core.jobs().all(|(_, entry)| !entry.on_chain)
        })
    }

    /// Challenges that are with rigs; none while it is down.
    pub fn exams(&mut self) -> &mut BTreeMap<Address, Exam> {
        match &mut self.running {
            Some(running) => &mut running.exams,
            None => {
                self.no_exams.clear();
                &mut self.no_exams
            }
        }
    }

    /// What the next question to a node is called.
    fn next_number(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    pub fn session(&self, node: Address) -> Option<u64> {
        self.running.as_ref()?.sessions.get(&node).copied()
    }

    fn key(record: &Record) -> (Address, u32, u8) {
        match record {
            Record::Job(record) => (record.job, 0, 0),
            Record::Task(record) => (record.job, record.number, 1),
            Record::Lease(record) => (record.lease, 0, 2),
            Record::MemberTask(record) => (record.lease, record.number, 5),
            Record::Proof(record) => (record.node, 0, 3),
            Record::Auction(auction) => (auction.book.job, auction.book.auction, 4),
        }
    }
}

pub fn settings(scenario: &Scenario) -> Settings {
    let Scenario { heartbeat_millis, keep_jobs, .. } = *scenario;
    let (weights, draw_secret) = (Weights::default(), DrawSecret([7; 32]));
    Settings { program: name::PROGRAM, attestor: name::SCHEDULER, heartbeat_millis, weights, draw_secret, keep_jobs }
}

/// What the scheduler is told of an account.
pub fn event(address: Address, account: Option<&Account>) -> Event {
    match account.cloned() {
        None => Event::AccountGone { address },
        Some(Account::Config(parameters)) => Event::ParametersSeen(*parameters),
        Some(Account::Provider(account)) => Event::ProviderSeen { provider: address, account },
        Some(Account::Node(view)) => Event::NodeSeen { node: address, view },
        Some(Account::Job(view)) => Event::JobSeen { job: address, view },
        Some(Account::Lease(view)) => Event::LeaseSeen { lease: address, view },
        Some(Account::Round { job, round, quorum }) => Event::QuorumSeen { job, round, quorum },
        Some(Account::Dispute { lease, dispute }) => Event::DisputeSeen { lease, dispute },
    }
}

fn clock_ahead(chain: &Chain, now: u64) -> i64 {
    let wall = (START + now) / 1_000;
    i64::try_from(chain.clock.0).unwrap_or(0) - i64::try_from(wall).unwrap_or(0)
}

impl Simulation {
    /// What the orchestrator takes for the time.
    pub fn orchestrator_now(&self) -> Now {
        let millis = START + self.now;
        let ahead = self.orchestrator.running.as_ref().map_or(0, |running| running.chain_ahead);
        Now { millis, chain: UnixSeconds((millis / 1_000).saturating_add_signed(ahead)) }
    }

    pub fn orchestrator_chore(&mut self, run: u64, what: Chore) {
        if run != self.orchestrator.run {
            return;
        }
        if let Chore::Start = what {
            return self.orchestrator_starts();
        }
        if self.orchestrator.running.is_none() {
            return;
        }
        match what {
            Chore::Start => {}
            Chore::Tick => {
                self.chore(TICK, Chore::Tick);
                self.take_in(Input::Event(Event::Tick));
            }
            Chore::Turn => self.turn(),
            Chore::Written => self.written(),
            Chore::ReadClock => self.read_clock(),
            Chore::Reconcile => self.reconcile(),
            Chore::Reading { slot, clock, accounts } => self.reading(slot, clock, accounts),
            Chore::Told { slot, address, account } => self.told(slot, address, account.map(|account| *account)),
            Chore::OfferPrepared { number } => self.offer_prepared(number),
            Chore::OfferOverdue { number } => self.offer_overdue(number),
            Chore::ExtensionPrepared { number } => self.extension_prepared(number),
            Chore::ExtensionOverdue { number } => self.extension_overdue(number),
            Chore::ProofOverdue { node, number } => self.proof_overdue(node, number),
        }
    }

    fn chore(&mut self, after: u64, what: Chore) {
        let run = self.orchestrator.run;
        self.plan(after, What::Orchestrator { run, what });
    }

    /// From what is on the disk, through the same bytes as on a disk.
    fn orchestrator_starts(&mut self) {
        if self.suffers(Fault::ChainUnreachable) {
            return self.chore(2_000, Chore::Start);
        }
        let text = self.orchestrator.store.values().map(|record| serde_json::to_string(record).expect("a record"));
        let records: Vec<Record> =
            text.map(|text| serde_json::from_str(&text).expect("a record as it was written")).collect();
        let (now, chain_ahead) = (self.orchestrator_now(), clock_ahead(&self.chain, self.now));
        let now = Now { chain: UnixSeconds((now.millis / 1_000).saturating_add_signed(chain_ahead)), ..now };
        let core = Core::restore(settings(&self.scenario), now, records);
        let known = core.jobs().filter(|(_, entry)| entry.on_chain && matches!(entry.spec, SpecStatus::Known(_)));
        let specs = known.map(|(job, _)| job).collect();
        self.note(|| "scheduler  starts".to_owned());
        self.orchestrator.running = Some(Running {
            core,
            accounts: BTreeMap::new(),
            specs,
            sessions: BTreeMap::new(),
            inbox: VecDeque::new(),
            writing: None,
            turn_planned: false,
            asked: BTreeMap::new(),
            extensions: BTreeMap::new(),
            exams: BTreeMap::new(),
            told: BTreeMap::new(),
            reading: false,
            last_told_at: 0,
            reconciled: false,
            chain_ahead,
        });
        self.orchestrator.up_since = self.now;
        self.chore(0, Chore::Tick);
        self.chore(CLOCK_EVERY, Chore::ReadClock);
        self.chore(0, Chore::Reconcile);
    }

    /// SIGKILL: what is not on the disk is gone, and every stream ends.
    pub fn orchestrator_dies(&mut self) {
        if self.orchestrator.running.take().is_none() {
            return;
        }
        self.note(|| "scheduler  is killed".to_owned());
        self.orchestrator.run += 1;
        self.orchestrator.kills += 1;
        self.end_all_streams();
    }

    pub fn orchestrator_returns(&mut self) {
        if self.orchestrator.running.is_none() {
            self.chore(0, Chore::Start);
        }
    }

    fn read_clock(&mut self) {
        self.chore(CLOCK_EVERY, Chore::ReadClock);
        if !self.suffers(Fault::ChainUnreachable) {
            let ahead = clock_ahead(&self.chain, self.now);
            if let Some(running) = &mut self.orchestrator.running {
                running.chain_ahead = ahead;
            }
        }
    }

    pub fn take_in(&mut self, input: Input) {
        let Some(running) = &mut self.orchestrator.running else { return };
        running.inbox.push_back(input);
        if !running.turn_planned && running.writing.is_none() {
            running.turn_planned = true;
            self.chore(0, Chore::Turn);
        }
    }

    fn turn(&mut self) {
        let Some(running) = &mut self.orchestrator.running else { return };
        running.turn_planned = false;
        if running.writing.is_some() {
            return;
        }
        let waiting = running.inbox.len().min(BATCH);
        let inputs: Vec<Input> = running.inbox.drain(..waiting).collect();
        let mut actions = Vec::new();
        for input in inputs {
            self.take(input, &mut actions);
        }
        let (written, others): (Vec<Action>, Vec<Action>) = actions.into_iter().partition(Action::is_written);
        if written.is_empty() {
            others.into_iter().for_each(|action| self.act(action));
            return self.turn_again();
        }
        if self.is_killed(true) {
            return;
        }
        let longest = if self.suffers(Fault::DiskSlow) { SLOW_WRITE } else { WRITE };
        let delay = self.draw.between(1..=longest);
        if let Some(running) = &mut self.orchestrator.running {
            running.writing = Some(Writing { records: written, then: others, is_slow: delay > WRITE });
        }
        self.chore(delay, Chore::Written);
    }

    fn written(&mut self) {
        let writing = self.orchestrator.running.as_mut().and_then(|running| running.writing.take());
        let Some(Writing { records, then, is_slow }) = writing else { return };
        for action in records {
            match action {
                Action::Persist(record) => self.put(record),
                Action::Forget(forgotten) => self.delete(&forgotten),
                other => self.breaks(format!("{other:?} is not for the disk")),
            }
        }
        self.orchestrator.writes += 1;
        if self.is_killed(false) {
            return;
        }
        let waits = self.orchestrator.running.as_ref().is_some_and(|running| !running.inbox.is_empty());
        if is_slow && (waits || !then.is_empty()) {
            self.harms.note(Harm::DiskSlow);
        }
        then.into_iter().for_each(|action| self.act(action));
        self.turn_again();
    }

    fn put(&mut self, record: Record) {
        self.check_record(&record);
        if self.is_left_out(&record) {
            return;
        }
        self.note(|| format!("scheduler  writes {}", described(&record)));
        self.orchestrator.store.insert(Orchestrator::key(&record), record);
    }

    /// What the scheduler forgets, the witness keeps.
    fn delete(&mut self, forgotten: &Forgotten) {
        self.note(|| format!("scheduler  forgets {}", name::short(forgotten.job)));
        let is_of_it = |(address, _, kind): (Address, u32, u8)| match kind {
            0 | 1 | 4 => address == forgotten.job && !forgotten.is_replaced,
            2 | 5 => forgotten.leases.contains(&address),
            _ => false,
        };
        let mut records = Vec::new();
        self.orchestrator.store.retain(|key, record| {
            let stays = !is_of_it(*key);
            records.extend((!stays).then(|| record.clone()));
            stays
        });
        if let Some(running) = &mut self.orchestrator.running {
            running.specs.remove(&forgotten.job);
        }
        self.witness_forgotten(forgotten, records);
    }

    /// Whether the disk loses the record, where that is sabotaged.
    fn is_left_out(&self, record: &Record) -> bool {
        match record {
            Record::Task(record) if matches!(record.task.state, TaskState::Done { .. }) => {
                self.is_sabotaged(Sabotage::DoneIsNotWritten)
            }
            Record::Lease(record) if record.voucher.is_some() => self.is_sabotaged(Sabotage::VouchersAreNotWritten),
            Record::Proof(_) => self.is_sabotaged(Sabotage::ProofsAreNotWritten),
            _ => false,
        }
    }

    /// Kills it where the scenario says so. It is started again a second later.
    fn is_killed(&mut self, before: bool) -> bool {
        let write = self.orchestrator.writes - u64::from(!before);
        let killed = self.scenario.kill.is_some_and(|kill| kill.write == write && kill.before == before);
        if killed {
            self.scenario.kill = None;
            self.orchestrator_dies();
            self.chore(1_000, Chore::Start);
        }
        killed
    }

    fn turn_again(&mut self) {
        let Some(running) = &mut self.orchestrator.running else { return };
        if !running.inbox.is_empty() && !running.turn_planned {
            running.turn_planned = true;
            self.chore(0, Chore::Turn);
        }
    }

    fn take(&mut self, input: Input, actions: &mut Vec<Action>) {
        match input {
            Input::Event(event) => self.feed(event, actions),
            Input::Updates { updates, then } => {
                for (_, address, account) in updates {
                    let told = event(address, account.as_ref());
                    if let Some(running) = &mut self.orchestrator.running {
                        running.accounts.insert(address, account);
                    }
                    self.feed(told, actions);
                }
                if let Some(then) = then {
                    self.feed(then, actions);
                }
            }
            Input::Reconciled => self.on_reconciled(actions),
            Input::FromStream { session, node, message } => self.take_from_stream(session, node, message, actions),
            Input::Detached { session, node } => {
                self.stream_ends_exam(node, session);
                if let Some(running) = &mut self.orchestrator.running
                    && running.sessions.get(&node) == Some(&session)
                {
                    running.sessions.remove(&node);
                }
                self.feed(Event::WorkerDisconnected { node, session }, actions);
            }
            Input::SpecRead { job, read } => {
                let event = self.spec(job, read);
                self.feed(event, actions);
            }
        }
    }

    /// Like the real shell: the terms on chain must be those of the spec.
    fn spec(&mut self, job: Address, read: bool) -> Event {
        let Some(running) = &mut self.orchestrator.running else { return Event::Tick };
        let hash = running.core.job(job).map(|entry| entry.view.spec_hash);
        let plan = hash.and_then(|hash| self.plans.get(&hash)).filter(|_| read);
        match plan {
            Some(plan) => {
                running.specs.insert(job);
                Event::SpecFetched { job, workload: Workload::from(&self.scenario.jobs[*plan].spec) }
            }
            None => {
                let cause = Cause {
                    code: "object-unavailable".to_owned(),
                    message: "the store does not answer".to_owned(),
                    hint: String::new(),
                };
                Event::SpecFailed { job, cause, permanent: false }
            }
        }
    }

    fn feed(&mut self, event: Event, actions: &mut Vec<Action>) {
        let now = self.orchestrator_now();
        if self.log.is_kept() && !matches!(event, Event::Tick) {
            let line = told_line(&event);
            self.note(|| format!("scheduler  < {line}"));
        }
        if let Some(running) = &mut self.orchestrator.running {
            actions.extend(running.core.on_event(now, event));
        }
    }

    /// Everything on chain has been told: what is known here and was not told is gone.
    fn on_reconciled(&mut self, actions: &mut Vec<Action>) {
        let Some(running) = &mut self.orchestrator.running else { return };
        let jobs = running.core.jobs().filter(|(_, entry)| entry.on_chain).map(|(job, _)| job);
        let leases = running.core.open_leases().map(|entry| entry.address);
        let knows = |address: &Address| running.accounts.get(address).is_some_and(Option::is_some);
        let gone: Vec<Address> = jobs.chain(leases).filter(|address| !knows(address)).collect();
        for address in gone {
            self.feed(Event::AccountGone { address }, actions);
        }
        let Some(running) = &self.orchestrator.running else { return };
        let accounts = running.accounts.iter().filter(|(_, account)| matches!(account, Some(Account::Round { .. })));
        let rounds: Vec<Event> = accounts.map(|(address, account)| event(*address, account.as_ref())).collect();
        rounds.into_iter().for_each(|seen| self.feed(seen, actions));
        if let Some(running) = &mut self.orchestrator.running {
            let core = &running.core;
            running.specs.retain(|job| core.job(*job).is_some_and(|entry| entry.on_chain));
            running.reconciled = true;
        }
    }
}

fn described(record: &Record) -> String {
    match record {
        Record::Job(job) => format!(
            "{}: {:?}, {} live, outcome {:?}, on chain {}",
            name::short(job.job),
            job.view.job.state,
            job.view.job.live_leases,
            job.outcome,
            job.on_chain
        ),
        Record::Auction(auction) => format!(
            "auction {}/{}: {} bids, {:?}",
            name::short(auction.book.job),
            auction.book.auction,
            auction.book.bids.len(),
            auction.steps.last()
        ),
        Record::Task(task) => format!(
            "task {}/{} attempt {}: {}",
            name::short(task.job),
            task.number,
            task.task.attempt,
            match task.task.state {
                TaskState::Pending => "pending".to_owned(),
                TaskState::Active { lease, phase } => format!("{phase:?} on {}", name::short(lease)),
                TaskState::Done { lease } => format!("done on {}", name::short(lease)),
                TaskState::Failed => "failed".to_owned(),
            }
        ),
        Record::MemberTask(task) => format!(
            "task {} of {} attempt {}: {:?}",
            task.number,
            name::short(task.lease),
            task.task.attempt,
            task.task.state
        ),
        Record::Lease(lease) => format!(
            "{}: {:?}, metered {} ms, voucher {:?}",
            name::short(lease.lease),
            lease.stage,
            lease.meter.millis,
            lease.voucher.map(|voucher| (voucher.sequence, voucher.metered.0, voucher.is_final))
        ),
        Record::Proof(proof) => format!(
            "{}: shown until {:?}, refused {:?}",
            name::short(proof.node),
            proof.shown.as_ref().map(|shown| shown.until.0),
            proof.refused.as_ref().map(|refused| (refused.cause.code.as_str(), refused.times))
        ),
    }
}

fn told_line(event: &Event) -> String {
    match event {
        Event::ParametersSeen(_) => "parameters".to_owned(),
        Event::ProviderSeen { provider, account } => {
            format!("{}: locked {}", name::short(*provider), account.stake.locked)
        }
        Event::NodeSeen { node, view } => format!("{}: {} leased", name::short(*node), view.node.leased.0),
        Event::JobSeen { job, view } => format!(
            "{}: {:?}, {} opened, {} live, {} reported, {} failed, paid {}",
            name::short(*job),
            view.job.state,
            view.job.leases_opened,
            view.job.live_leases,
            view.job.reported_leases,
            view.job.attempts_failed,
            view.job.paid
        ),
        Event::LeaseSeen { lease, view } => {
            format!("{}: {:?} #{}", name::short(*lease), view.lease.state, view.lease.sequence)
        }
        Event::QuorumSeen { job, round, quorum } => {
            let states: Vec<_> = quorum.joined().iter().map(|member| member.state).collect();
            format!("round {round} of {}: {states:?} {:?}", name::short(*job), quorum.verdict)
        }
        Event::DisputeSeen { lease, .. } => format!("dispute about {}", name::short(*lease)),
        Event::AccountGone { address } => format!("{} is gone", name::short(*address)),
        Event::WorkerConnected { node, session, held, .. } => {
            let held: Vec<String> = held
                .iter()
                .map(|held| {
                    let tasks: Vec<u32> = held.tasks.iter().map(|task| task.task).collect();
                    format!("{}{tasks:?}", name::short(held.lease))
                })
                .collect();
            format!("{} connects as {session}, holds {held:?}", name::short(*node))
        }
        Event::WorkerDisconnected { node, session } => format!("{} disconnects as {session}", name::short(*node)),
        Event::Heartbeat { node, leases } => {
            let leases: Vec<String> = leases.iter().map(|lease| name::short(*lease)).collect();
            format!("{} beats {leases:?}", name::short(*node))
        }
        Event::TaskUpdate { node, lease, task, attempt, progress } => {
            let progress = match progress {
                millrace_scheduler::TaskProgress::Phase { phase, .. } => format!("{phase:?}"),
                millrace_scheduler::TaskProgress::Done { .. } => "done".to_owned(),
                millrace_scheduler::TaskProgress::Failed { fault, cause, .. } => {
                    format!("failed, {fault:?}: {}", cause.code)
                }
            };
            format!("{} task {task}.{attempt} on {}: {progress}", name::short(*node), name::short(*lease))
        }
        Event::BroughtAway { lease, task, round, .. } => format!("{round:?} of {task} of {}", name::short(*lease)),
        Event::LeaseReport { node, lease, .. } => format!("{} reports {}", name::short(*node), name::short(*lease)),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_disk_is_felt_where_something_waits_for_it() {
        let mut simulation = Simulation::new(Scenario::large(1, 1, 1, 60_000), false);
        simulation.orchestrator_chore(0, Chore::Start);
        let mut times = |is_slow, waiting: Option<Input>, then: Vec<Action>| {
            let running = simulation.orchestrator.running.as_mut().expect("it runs");
            running.inbox.extend(waiting);
            running.writing = Some(Writing { records: Vec::new(), then, is_slow });
            simulation.written();
            simulation.harms.times(Harm::DiskSlow)
        };
        let said = || vec![Action::LeaseOver { node: name::node(0), lease: name::node(0) }];
        assert_eq!(times(true, None, Vec::new()), 0);
        assert_eq!(times(false, None, said()), 0);
        assert_eq!(times(true, None, said()), 1);
        assert_eq!(times(true, Some(Input::Reconciled), Vec::new()), 2);
    }

    #[test]
    fn no_run_asks_under_the_number_of_an_earlier_one() {
        let mut simulation = Simulation::new(Scenario::large(1, 1, 1, 60_000), false);
        simulation.orchestrator_chore(0, Chore::Start);
        let first = simulation.orchestrator.next_number();
        simulation.orchestrator_dies();
        simulation.orchestrator_chore(1, Chore::Start);
        assert!(simulation.orchestrator.is_up() && simulation.orchestrator.next_number() > first);
    }
}
