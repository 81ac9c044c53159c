//! A rig: the real agent, a journal, and containers that take their time.

mod bids;
mod hear;
mod perform;
mod speak;

pub use perform::{cheap_result, result};

use std::collections::{BTreeMap, BTreeSet};

use millrace_agent::{Agent, Event, Exit, FoundContainer, FoundState, Record, TaskKey, policy, recover};
use millrace_protocol::{Address, BasisPoints, Seconds, UnixSeconds};

use crate::name;
use crate::proof::Proving;
use crate::scenario::{Character, Fault};
use crate::simulation::{RigChore, START, Simulation, What};

/// Between two looks at deadlines.
const TICK: u64 = 1_000;

/// What owners have their rigs bid, in turn: some bid less than they post, some more, some not at all.
const BID_SHARES: [Option<u16>; 4] = [Some(10_000), Some(8_000), Some(12_500), None];

/// What the rig bids, as a share of its posted price.
pub fn bid_share(rig: usize) -> Option<BasisPoints> {
    BID_SHARES[rig % BID_SHARES.len()].map(BasisPoints)
}

/// A container as the rig's engine has it.
#[derive(Clone, Debug)]
pub struct Container {
    pub incarnation: u64,
    pub state: FoundState,
    pub job: Address,
    /// Whether the worker waits for its end.
    followed: bool,
}

pub struct Rig {
    pub index: usize,
    /// Counts the runs of the worker's process.
    pub run: u64,
    pub agent: Option<Agent>,
    pub journal: Vec<Record>,
    pub containers: BTreeMap<TaskKey, Container>,
    images: BTreeSet<String>,
    pub session: Option<u64>,
    /// The last step begun for each task; results of earlier ones count no more.
    steps: BTreeMap<TaskKey, u64>,
    next_step: u64,
    incarnations: u64,
    /// Leases for which a transaction is under way.
    pub acting: BTreeSet<Address>,
    /// The challenge that it was asked last.
    pub asked: Option<Proving>,
    /// What its GPUs work on beside jobs.
    pub proving: Option<Proving>,
}

impl Rig {
    pub fn new(index: usize) -> Self {
        Self {
            index,
            run: 0,
            agent: None,
            journal: Vec::new(),
            containers: BTreeMap::new(),
            images: BTreeSet::new(),
            session: None,
            steps: BTreeMap::new(),
            next_step: 1,
            incarnations: 0,
            acting: BTreeSet::new(),
            asked: None,
            proving: None,
        }
    }
}

impl Simulation {
    pub fn character(&self, rig: usize) -> Character {
        self.scenario.rigs[rig].character
    }

    /// What the rig takes for the time.
    pub fn rig_now(&self, rig: usize) -> UnixSeconds {
        let millis = (START + self.now).saturating_add_signed(self.scenario.rigs[rig].skew);
        UnixSeconds(millis / 1_000)
    }

    pub fn policy(&self, rig: usize) -> policy::Rig {
        let plan = &self.scenario.rigs[rig];
        policy::Rig {
            hardware: plan.hardware,
            price: plan.price,
            spot_price: Some(millrace_protocol::PricePerGpuHour(plan.price.0 / 2)),
            any_attestor: false,
            bid_share: bid_share(rig),
            longest: Seconds(86_400),
            network: false,
            gvisor: false,
            draining: self.suffers(Fault::OwnerDrains { rig }),
            unfit: false,
            disk_reserve_mib: 0,
        }
    }

    pub fn rig_chore(&mut self, rig: usize, what: RigChore) {
        if let RigChore::Start = what {
            return self.worker_starts(rig);
        }
        if self.rigs[rig].agent.is_none() {
            return;
        }
        // A process that stands still finds everything waiting when it goes on.
        if self.suffers(Fault::WorkerHangs { rig }) {
            let run = self.rigs[rig].run;
            return self.plan(500, What::Rig { rig, run, what });
        }
        match what {
            RigChore::Start => {}
            RigChore::Tick => {
                self.rig_plan(rig, TICK, RigChore::Tick);
                if self.chance(1) {
                    self.compact(rig);
                }
                self.rig_feed(rig, Event::Tick);
            }
            RigChore::Heartbeat { session } => self.heartbeat(rig, session),
            RigChore::Step { key, step, event } => self.step_is_done(rig, key, step, event),
            RigChore::PullDragsOn { key, step } => self.pull_drags_on(rig, key, step),
            RigChore::Vetted { number, lease, job, offer } => self.vetted(rig, (number, lease), job, offer),
            RigChore::VettedExtension { number, lease, job, more } => {
                self.vetted_extension(rig, number, lease, job, more);
            }
            RigChore::Read { lease } => self.lease_is_read(rig, lease),
            RigChore::ReadRound { lease } => self.round_is_read(rig, lease),
            RigChore::Proved { number } => self.rig_has_proved(rig, number),
            RigChore::ProverGone { number } => self.rig_feed(rig, Event::ChallengeEnded(number)),
        }
    }

    pub fn rig_plan(&mut self, rig: usize, after: u64, what: RigChore) {
        let run = self.rigs[rig].run;
        self.plan(after, What::Rig { rig, run, what });
    }

    /// From its journal, through the same bytes as on a disk, and from the containers that are there.
    fn worker_starts(&mut self, rig: usize) {
        let now = self.rig_now(rig);
        let worker = &mut self.rigs[rig];
        let records: Vec<Record> = worker
            .journal
            .iter()
            .map(|record| serde_json::to_string(record).expect("a record"))
            .map(|text| serde_json::from_str(&text).expect("a record as it was written"))
            .collect();
        let found: Vec<FoundContainer> = worker
            .containers
            .iter()
            .map(|(key, container)| FoundContainer { id: key.to_string(), key: Some(*key), state: container.state })
            .collect();
        let recovered = recover(&records, &found, now);
        worker.agent = Some(recovered.agent);
        worker.session = None;
        let run = worker.run;
        self.note(|| format!("{:<10} starts, {} containers found", name::short(name::node(rig)), found.len()));
        self.rig_perform(rig, recovered.actions);
        self.rig_plan(rig, TICK, RigChore::Tick);
        self.plan(250, What::Dial { rig, run });
    }

    /// The worker's process ends without a word. Containers go on.
    pub fn worker_dies(&mut self, rig: usize) {
        let worker = &mut self.rigs[rig];
        if worker.agent.take().is_none() {
            return;
        }
        worker.run += 1;
        worker.session = None;
        worker.steps.clear();
        worker.acting.clear();
        // They end with their worker.
        (worker.asked, worker.proving) = (None, None);
        for container in worker.containers.values_mut() {
            container.followed = false;
        }
        self.note(|| format!("{:<10} worker is killed", name::short(name::node(rig))));
        self.cut_of(rig, 2_000);
    }

    /// And everything that runs on it with it; disks stay.
    pub fn rig_loses_power(&mut self, rig: usize) {
        self.worker_dies(rig);
        for container in self.rigs[rig].containers.values_mut() {
            if container.state == FoundState::Running {
                container.state = FoundState::Exited(Exit { code: 255, out_of_memory: false });
            }
        }
        self.note(|| format!("{:<10} loses power", name::short(name::node(rig))));
        // Nobody says goodbye: the orchestrator finds out by itself.
        self.cut_of(rig, 20_000);
    }

    /// And its disk with it: what comes back under the same key knows nothing.
    pub fn rig_loses_disk(&mut self, rig: usize) {
        self.rig_loses_power(rig);
        let worker = &mut self.rigs[rig];
        worker.journal.clear();
        worker.containers.clear();
        worker.images.clear();
        self.note(|| format!("{:<10} loses its disk", name::short(name::node(rig))));
    }

    pub fn worker_returns(&mut self, rig: usize) {
        if self.rigs[rig].agent.is_none() {
            self.rig_plan(rig, 0, RigChore::Start);
        }
    }

    fn compact(&mut self, rig: usize) {
        let worker = &mut self.rigs[rig];
        if let Some(agent) = &worker.agent {
            worker.journal = agent.snapshot();
        }
    }

    pub fn rig_feed(&mut self, rig: usize, event: Event) {
        let now = self.rig_now(rig);
        let Some(agent) = &mut self.rigs[rig].agent else { return };
        let actions = agent.on_event(event, now);
        self.rig_perform(rig, actions);
    }

    /// Whether nothing is left on any rig that costs its owner something.
    pub fn rigs_are_clean(&self) -> bool {
        self.rigs.iter().all(|rig| {
            let agent = rig.agent.as_ref();
            rig.containers.is_empty() && agent.is_some_and(|agent| agent.live_leases().next().is_none())
        })
    }
}
