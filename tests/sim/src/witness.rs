//! Who sees everything, and says what must not be.

mod forgotten;
mod money;
mod results;
mod rigs;

use std::collections::{BTreeMap, BTreeSet};

use millrace_agent::{FoundState, Phase, TaskKey};
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, Seconds};
use millrace_scheduler::{Core, JobEntry, Outcome, Record, Stage, Task, TaskState};

use crate::ledger::{Failure, Instruction};
use crate::name;
use crate::sabotage::Sabotage;
use crate::scenario::{Character, Fault};
use crate::simulation::{START, Simulation};

/// Milliseconds in which anyone's crank is to be sent and to land, once nothing stands in its way. A
/// settlement is tried three times first, an expired transaction takes two minutes to be given up, and the
/// longest pause between two tries is one minute.
const CRANK_PATIENCE: u64 = 600_000;
/// Milliseconds in which a rig that is heard of learns that a task is not its own any more, and stops it:
/// a stream's way, ten seconds from SIGTERM to SIGKILL, and one tick more.
const STOP_PATIENCE: u64 = 20_000;
/// Milliseconds for which a job that a node fits may wait without a word why.
const PLACE_PATIENCE: u64 = 180_000;

#[derive(Default)]
pub struct Witness {
    /// Vouchers that were issued, by lease and number: there is one of each.
    vouchers: BTreeMap<(Address, u64), Voucher>,
    /// Whom each attempt was given to: one lease.
    attempts: BTreeMap<(Address, u64, u32, u32), Address>,
    /// Reports of results that reached the orchestrator, with what they are about.
    delivered: BTreeSet<(Address, u32, u32)>,
    /// Two rigs at work on one task: since when.
    twice: BTreeMap<(TaskKey, TaskKey), u64>,
    /// Jobs that wait although a node fits: since when.
    waits: BTreeMap<Address, u64>,
    /// Nodes that have answered a challenge right.
    pub proved: BTreeSet<Address>,
    /// When something last went wrong that may keep a crank from landing, in milliseconds.
    pub disturbed_until: u64,
    receipts: money::Receipts,
    /// Jobs that wait for nothing but to be closed: since when.
    closable: BTreeMap<Address, u64>,
    /// When the first container of each lease began to run, in milliseconds.
    began: BTreeMap<Address, u64>,
    /// When jobs were closed, in milliseconds.
    closed: BTreeMap<Address, u64>,
    /// What the scheduler knew of jobs that it has forgotten: a scheduler of each one's own.
    forgotten: BTreeMap<Address, Core>,
    pub jobs_opened: u64,
    pub leases_opened: u64,
    /// Notices that the scheduler gave to spot leases by its own decision.
    pub preempted: u64,
    /// Leases that were given more time.
    pub extended: u64,
    /// Leases that were offered at a bid.
    pub bids_taken: u64,
    /// Tasks that ran again and came to the same result.
    pub compared: u64,
    /// And to another one.
    pub found: u64,
    pub outcomes: BTreeMap<&'static str, u64>,
}

impl Witness {
    pub fn delivered(&mut self, lease: Address, task: u32, attempt: u32) {
        self.delivered.insert((lease, task, attempt));
    }
}

impl Simulation {
    /// A voucher leaves the orchestrator: it is on the disk, and no other has its number.
    pub fn issued(&mut self, voucher: &Voucher) {
        self.check_attested(voucher);
        let before = *self.witness.vouchers.entry((voucher.lease, voucher.sequence)).or_insert(*voucher);
        if before != *voucher {
            self.breaks(format!("two vouchers with one number: {before:?} and {voucher:?}"));
        }
        let on_disk = match self.orchestrator.stored(voucher.lease, 0, 2) {
            Some(Record::Lease(record)) => record.voucher,
            _ => None,
        };
        let kept = on_disk.is_some_and(|known| known == *voucher || known.sequence > voucher.sequence);
        if !kept {
            self.breaks(format!("{voucher:?} is spoken of and not on the disk, where {on_disk:?} is"));
        }
    }

    pub fn check_record(&mut self, record: &Record) {
        let Record::Lease(new) = record else { return };
        if let Some(Record::Lease(old)) = self.orchestrator.stored(new.lease, 0, 2) {
            let (old, new) = (old.voucher, new.voucher);
            let number = |voucher: Option<Voucher>| voucher.map_or((0, Seconds::ZERO), |it| (it.sequence, it.metered));
            if number(new) < number(old) {
                self.breaks(format!("a voucher on the disk falls back from {old:?} to {new:?}"));
            }
        }
    }

    /// An attempt has one lease.
    pub fn handed_out(&mut self, key: TaskKey, job: Address) {
        let opened = self.orchestrator.core().and_then(|core| core.job(job)).map_or(0, |entry| entry.view.opened_slot);
        let lease = *self.witness.attempts.entry((job, opened, key.task, key.attempt)).or_insert(key.lease);
        if lease != key.lease {
            self.breaks(format!(
                "attempt {} at task {} of {} is handed out to {} and to {}",
                key.attempt,
                key.task,
                name::short(job),
                name::short(lease),
                name::short(key.lease)
            ));
        }
    }

    pub fn witness_confirmed(&mut self, instruction: &Instruction, result: &Result<Vec<Address>, Failure>) {
        self.witness.receipts.note(&self.chain.confirmed, instruction, result);
        match (instruction, result) {
            (Instruction::Settle { signed: false, .. }, Ok(_)) => self.breaks("the chain took a forged voucher"),
            (Instruction::AttestNode { node, attestation }, Ok(_)) => self.attested(*node, attestation.class),
            (Instruction::OpenJob { .. }, Ok(_)) => self.witness.jobs_opened += 1,
            (Instruction::CloseJob { job }, Ok(_)) => _ = self.witness.closed.insert(*job, self.now),
            (Instruction::OpenLease { .. }, Ok(_)) => self.witness.leases_opened += 1,
            _ => {}
        }
    }

    /// Looks at everything.
    pub fn inspect(&mut self) {
        self.look_at_deadlines();
        self.look_at_work();
        self.look_at_rigs();
        self.look_at_tasks();
        self.look_at_forgotten();
        self.look_at_explanations();
    }

    /// Since when nothing keeps cranks from landing; never while something does.
    fn undisturbed_since(&self) -> Option<u64> {
        let disturbs = |number: &usize| {
            matches!(
                self.scenario.faults[*number].fault,
                Fault::OrchestratorDies | Fault::ChainUnreachable | Fault::ChainStands | Fault::Forks | Fault::DiskSlow
            )
        };
        let disturbed = self.going_on.iter().any(disturbs) || !self.orchestrator.is_up();
        (!disturbed).then(|| self.witness.disturbed_until.max(self.orchestrator.up_since))
    }

    /// No job and no lease is stuck past a deadline.
    fn look_at_deadlines(&mut self) {
        let Some(since) = self.undisturbed_since() else { return };
        let chain = &self.chain.confirmed;
        let mut stuck = Vec::new();
        // Deadlines are the chain's own time.
        let clock = (self.chain.clock.0 * 1_000).saturating_sub(START);
        for address in chain.leases.keys().chain(chain.jobs.keys()).copied() {
            let Some(due) = chain.due_since(address) else { continue };
            let due = (due.0 * 1_000).saturating_sub(START);
            if clock > due.max(since) + CRANK_PATIENCE {
                stuck.push(format!("{} is stuck since {} s", name::short(address), (clock - due) / 1_000));
            }
        }
        let over: BTreeSet<Address> = chain.jobs.keys().copied().filter(|job| chain.is_to_be_closed(*job)).collect();
        self.witness.closable.retain(|job, _| over.contains(job));
        for job in over {
            let ended = *self.witness.closable.entry(job).or_insert(self.now);
            if self.now > ended.max(since) + CRANK_PATIENCE {
                stuck.push(format!("{} is over and not closed", name::short(job)));
            }
        }
        if let Some(stuck) = stuck.pop() {
            self.breaks(format!("{stuck}; {}", self.situation()));
        }
    }

    /// Rigs at work on each task right now, but for those that do not do what they are told.
    fn at_work(&self) -> BTreeMap<(Address, u32), Vec<(usize, TaskKey)>> {
        let mut work: BTreeMap<(Address, u32), Vec<(usize, TaskKey)>> = BTreeMap::new();
        for rig in &self.rigs {
            let willing = match self.character(rig.index) {
                Character::Stubborn => false,
                // It does not say what it runs, so nobody repeats the order to stop that was lost in a partition.
                Character::Mute => !self.scenario.is_partitioned(rig.index),
                _ => true,
            };
            let heard = self.node_heard(rig.index);
            for (key, container) in rig.containers.iter().filter(|_| willing && heard) {
                let wants = rig.agent.as_ref().and_then(|agent| agent.task(*key));
                let works = wants.is_some_and(|task| matches!(task.phase(), Phase::Running { .. }));
                if works && container.state == FoundState::Running {
                    work.entry((container.job, key.task)).or_default().push((rig.index, *key));
                }
            }
        }
        work
    }

    /// Whether the orchestrator hears the rig's worker, so that both can know what the other does.
    fn node_heard(&self, rig: usize) -> bool {
        let node = name::node(rig);
        let live = self.orchestrator.core().is_some_and(|core| core.is_live(self.orchestrator_now(), node));
        let session = self.rigs[rig].session;
        live && session.is_some() && self.orchestrator.session(node) == session
    }

    /// No task is run by two live leases at the same time unless its results are counted.
    fn look_at_work(&mut self) {
        let now = self.now;
        let mut twice = BTreeSet::new();
        let work = self.at_work();
        // Members of a round do the same by its policy.
        for (_, keys) in work.iter().filter(|((job, _), keys)| keys.len() > 1 && !self.is_counted(*job)) {
            for pair in keys.windows(2) {
                twice.insert((pair[0].1, pair[1].1));
            }
        }
        self.witness.twice.retain(|pair, _| twice.contains(pair));
        for (one, other) in twice {
            let since = *self.witness.twice.entry((one, other)).or_insert(now);
            // A message that is lost though its stream lives is heard of by nobody.
            if now - since > STOP_PATIENCE && self.scenario.weather.messages_lost == 0 {
                self.breaks(format!(
                    "task {} runs on {} and on {} since {} s",
                    one.task,
                    name::short(one.lease),
                    name::short(other.lease),
                    (now - since) / 1_000
                ));
            }
        }
    }

    /// Every task is somewhere, and no lease has two.
    fn look_at_tasks(&mut self) {
        let Some(core) = self.orchestrator.core() else { return };
        let mut wrong = None;
        for (job, entry) in core.jobs() {
            let mut holders = BTreeSet::new();
            for (number, task) in entry.tasks.iter().enumerate() {
                match task.state {
                    TaskState::Active { lease, .. } => {
                        let open = core.lease(lease).is_some_and(|lease| lease.stage != Stage::Over);
                        if !open || !holders.insert(lease) {
                            wrong = Some(format!(
                                "task {number} of {} is lost on {}",
                                name::short(job),
                                name::short(lease)
                            ));
                        }
                    }
                    TaskState::Done { lease } => {
                        let number = u32::try_from(number).unwrap_or(u32::MAX);
                        if !self.witness.delivered.contains(&(lease, number, task.attempt)) {
                            wrong = Some(format!("task {number} of {} is done and nobody did it", name::short(job)));
                        }
                    }
                    TaskState::Pending | TaskState::Failed => {}
                }
            }
        }
        if let Some(wrong) = wrong {
            self.breaks(wrong);
        }
    }

    /// Every job that waits says why, and none waits for long though a node fits.
    fn look_at_explanations(&mut self) {
        let now = self.orchestrator_now();
        let Some(core) = self.orchestrator.core() else { return };
        let mut silent = None;
        let mut waits = BTreeSet::new();
        let pending = |entry: &&JobEntry| entry.tasks.iter().any(|task: &Task| task.state == TaskState::Pending);
        let open = core.jobs().filter(|(_, entry)| entry.on_chain && entry.outcome.is_none());
        for (job, entry) in open {
            let Some(mut explanation) = core.explain(now, job) else { continue };
            if self.is_sabotaged(Sabotage::NobodyExplains) {
                explanation.blockers.clear();
                explanation.exclusions.clear();
            }
            let excluded = explanation.exclusions.values().any(|exclusion| exclusion.nodes > 0);
            if explanation.blockers.is_empty() && explanation.nodes_fitting == 0 && !excluded {
                silent = Some(job);
            }
            let fits = explanation.blockers.is_empty() && explanation.nodes_fitting > 0;
            if fits && Some(entry).filter(pending).is_some() {
                waits.insert(job);
            }
        }
        if let Some(job) = silent {
            return self.breaks(format!("{} waits and nobody can say why", name::short(job)));
        }
        let (at, since) = (self.now, self.undisturbed_since());
        self.witness.waits.retain(|job, _| waits.contains(job));
        for job in waits {
            let began = *self.witness.waits.entry(job).or_insert(at);
            if since.is_some_and(|since| at > began.max(since) + PLACE_PATIENCE) {
                let situation = self.situation();
                self.breaks(format!(
                    "{} waits though nodes fit and nothing is said to block it; {situation}",
                    name::short(job)
                ));
            }
        }
    }

    /// When all is over: what came of every job, and that nothing is left.
    ///
    /// # Errors
    /// What is not as it should be.
    pub fn check_end(&mut self) -> Result<(), String> {
        self.chain.confirmed.check();
        self.witness.receipts.check(&self.chain.confirmed)?;
        let market = &self.chain.confirmed.market;
        if let Some(node) = market.nodes.iter().position(|node| node.rules.leased.0 > 0) {
            return Err(format!("N{node} is leased and no lease is left"));
        }
        let Some(core) = self.orchestrator.core() else { return Err("the orchestrator is down".to_owned()) };
        let mut outcomes = BTreeMap::new();
        for (job, entry) in self.witness.all_jobs(core) {
            let Some(outcome) = &entry.outcome else {
                return Err(format!("{} is over without an outcome", name::short(job)));
            };
            let all_done = entry.all_done();
            let is_service = entry.workload().is_some_and(|workload| workload.service().is_some());
            self.check_results(job, entry)?;
            match outcome {
                Outcome::Completed if !all_done && !is_service => {
                    return Err(format!("{} is completed and a task of it is not done", name::short(job)));
                }
                Outcome::Failed(_) | Outcome::Expired if all_done => {
                    return Err(format!("{} has all its tasks done and ended as {outcome:?}", name::short(job)));
                }
                Outcome::Failed(cause) if cause.code.is_empty() => {
                    return Err(format!("{} failed and does not say why", name::short(job)));
                }
                _ => {}
            }
            if self.orchestrator.kills == 0
                && self.scenario.must_complete(name::number(job))
                && *outcome != Outcome::Completed
            {
                return Err(format!("nothing went wrong and {} ended as {outcome:?}", name::short(job)));
            }
            *outcomes.entry(word(outcome)).or_default() += 1;
        }
        self.check_bookings()?;
        self.witness.outcomes = outcomes;
        Ok(())
    }

    /// How each job has ended as far as the orchestrator knows, or knew.
    pub fn ends(&self) -> BTreeMap<String, String> {
        let jobs = self.orchestrator.core().into_iter().flat_map(|core| self.witness.all_jobs(core));
        let end = |entry: &JobEntry| match &entry.outcome {
            Some(Outcome::Completed) => format!("completed, {} tasks", entry.tasks.len()),
            Some(Outcome::Failed(cause)) => format!("failed: {}", cause.code),
            Some(outcome) => word(outcome).to_owned(),
            None => "not at all".to_owned(),
        };
        jobs.map(|(job, entry)| (name::short(job), end(entry))).collect()
    }

    /// Why the end does not come.
    pub fn what_is_stuck(&self) -> String {
        format!("it does not end: {}", self.situation())
    }

    fn situation(&self) -> String {
        let now = self.orchestrator_now();
        let mut lines = Vec::new();
        if let Some(core) = self.orchestrator.core() {
            for (job, entry) in core.jobs().filter(|(_, entry)| entry.on_chain) {
                let explanation = core.explain(now, job);
                let tasks = tasks_in_words(entry);
                let leases = core.leases_of(job);
                let leases = leases.iter().filter(|lease| lease.on_chain());
                let leases: Vec<String> = leases
                    .map(|lease| {
                        format!("{} {:?} {:?}", name::short(lease.address), lease.stage, lease.view.lease.state)
                    })
                    .collect();
                lines.push(format!(
                    "{} {:?} live {} outcome {:?} blockers {:?} fitting {:?} leases {leases:?} tasks: {tasks}",
                    name::short(job),
                    entry.view.job.state,
                    entry.view.job.live_leases,
                    entry.outcome,
                    explanation.as_ref().map(|explanation| &explanation.blockers),
                    explanation.as_ref().map(|explanation| explanation.nodes_fitting),
                ));
            }
        }
        for job in self.chain.confirmed.jobs.keys() {
            lines.push(format!("on chain: {}", name::short(*job)));
        }
        for rig in &self.rigs {
            let leases: Vec<String> = rig
                .agent
                .iter()
                .flat_map(|agent| agent.live_leases())
                .map(|(lease, held)| format!("{} {:?}", name::short(lease), held.phase()))
                .collect();
            if !leases.is_empty() || !rig.containers.is_empty() || rig.agent.is_none() {
                lines.push(format!(
                    "N{}: {leases:?}, {} containers, up {}",
                    rig.index,
                    rig.containers.len(),
                    rig.agent.is_some()
                ));
            }
        }
        lines.join("\n    ")
    }
}

fn tasks_in_words(entry: &JobEntry) -> String {
    let is = |wanted: fn(&TaskState) -> bool| entry.tasks.iter().filter(|task| wanted(&task.state)).count();
    let active = entry.tasks.iter().enumerate().filter_map(|(number, task)| match task.state {
        TaskState::Active { lease, phase } => Some(format!(", {number} {phase:?} on {}", name::short(lease))),
        TaskState::Pending | TaskState::Done { .. } | TaskState::Failed => None,
    });
    format!(
        "{} wait, {} done, {} failed{}",
        is(|state| *state == TaskState::Pending),
        is(|state| matches!(state, TaskState::Done { .. })),
        is(|state| *state == TaskState::Failed),
        active.collect::<String>()
    )
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Failed(_) => "failed",
        Outcome::Cancelled => "cancelled",
        Outcome::Expired => "expired",
    }
}
