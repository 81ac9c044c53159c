//! The loop: one event after the other, in virtual time.

use std::collections::{BTreeMap, BTreeSet};

use millrace_agent::{TaskEvent, TaskKey};
use millrace_model::{Account as Vault, BuyerEntry, Market, NodeEntry, ProviderEntry};
use millrace_protocol::transitions::JobExtension;
use millrace_protocol::{
    Address, Allowance, Buyer, GpuUnits, HardwareAttestation, MicroUsdc, Node, NodeStatus, PricePerGpuHour, Provider,
    Reputation, ServiceLevel, UnixSeconds,
};
use millrace_spec::Sha256;

use crate::chain::{Chain, SLOT_MILLIS};
use crate::draw::Draw;
use crate::harm::{Harm, Harms};
use crate::ledger::{Account, Failure, Ledger};
use crate::link::Links;
use crate::log::Log;
use crate::message::{ToOrchestrator, ToRig};
use crate::orchestrator::{Input, Orchestrator};
use crate::queue::Queue;
use crate::rig::Rig;
use crate::scenario::{Fault, Scenario};
use crate::witness::Witness;

/// When every run begins, in milliseconds since 1970.
pub const START: u64 = 1_800_000_000_000;
/// Between two looks of the witness.
const INSPECT: u64 = 5_000;
/// How much further the chain's clock falls behind when it lags, in milliseconds.
const LAG: u64 = 30_000;
/// How long everything may take to end once all is well, in milliseconds.
const QUIET: u64 = 24 * 3_600_000;

/// What is going to happen.
pub enum What {
    Slot,
    /// A transaction reaches the chain.
    Submit {
        flight: u64,
        /// A copy that nobody sent.
        doubled: bool,
    },
    Resend {
        flight: u64,
    },
    /// A sender hears what became of its transaction.
    Fate {
        flight: u64,
        result: Result<Vec<Address>, Option<Failure>>,
    },
    Orchestrator {
        run: u64,
        what: Chore,
    },
    Input {
        run: u64,
        input: Box<Input>,
    },
    Rig {
        rig: usize,
        run: u64,
        what: RigChore,
    },
    Dial {
        rig: usize,
        run: u64,
    },
    ToRig {
        session: u64,
        message: Box<ToRig>,
        harms: BTreeSet<Harm>,
    },
    ToOrchestrator {
        session: u64,
        message: Box<ToOrchestrator>,
        harms: BTreeSet<Harm>,
    },
    /// One end of a stream notices that it is over.
    RigHearsEnd {
        session: u64,
    },
    OrchestratorHearsEnd {
        session: u64,
    },
    ContainerEnds {
        rig: usize,
        key: TaskKey,
        incarnation: u64,
        code: i64,
    },
    JobComes(usize),
    JobIsExtended(Address, JobExtension),
    JobIsCancelled(Address),
    FaultBegins(usize),
    FaultEnds(usize),
    Inspect,
}

/// What the orchestrator's shell has to do at a time.
pub enum Chore {
    Start,
    Tick,
    /// Takes what waits.
    Turn,
    /// What it wrote is on the disk.
    Written,
    ReadClock,
    Reconcile,
    Reading {
        slot: u64,
        clock: UnixSeconds,
        accounts: BTreeMap<Address, Account>,
    },
    Told {
        slot: u64,
        address: Address,
        account: Option<Box<Account>>,
    },
    OfferPrepared {
        number: u64,
    },
    OfferOverdue {
        number: u64,
    },
    ExtensionPrepared {
        number: u64,
    },
    ExtensionOverdue {
        number: u64,
    },
    ProofOverdue {
        node: Address,
        number: u64,
    },
}

/// What a worker's shell has to do at a time.
pub enum RigChore {
    Start,
    Tick,
    Heartbeat { session: u64 },
    Step { key: TaskKey, step: u64, event: TaskEvent },
    PullDragsOn { key: TaskKey, step: u64 },
    Vetted { number: u64, lease: Address, job: Address, offer: millrace_protocol::transitions::LeaseOffer },
    VettedExtension { number: u64, lease: Address, job: Address, more: millrace_protocol::Seconds },
    Read { lease: Address },
    ReadRound { lease: Address },
    Proved { number: u64 },
    ProverGone { number: u64 },
}

/// Why a run failed.
pub type Broken = String;

pub struct Simulation {
    pub scenario: Scenario,
    /// Milliseconds since the start.
    pub now: u64,
    pub queue: Queue<What>,
    pub draw: Draw,
    pub chain: Chain,
    pub orchestrator: Orchestrator,
    pub rigs: Vec<Rig>,
    pub links: Links,
    pub witness: Witness,
    pub log: Log,
    pub harms: Harms,
    /// What has been uploaded.
    pub objects: BTreeSet<Sha256>,
    /// Faults that are going on, by their position in the scenario.
    pub going_on: BTreeSet<usize>,
    /// By their specs' hashes.
    pub plans: BTreeMap<Sha256, usize>,
    /// Everything is well from now on.
    pub quiet: bool,
    pub broken: Option<Broken>,
}

impl Simulation {
    pub fn new(scenario: Scenario, keep_log: bool) -> Self {
        let draw = Draw::new(scenario.seed ^ 0x5eed);
        let clock = UnixSeconds(START / 1_000);
        let ledger = Ledger::new(market(&scenario, clock), scenario.sabotage);
        let rigs = (0..scenario.rigs.len()).map(Rig::new).collect();
        let plans = scenario.jobs.iter().enumerate().map(|(index, plan)| (plan.spec.hash(), index)).collect();
        let mut simulation = Self {
            now: 0,
            queue: Queue::default(),
            draw,
            chain: Chain::new(ledger, clock),
            orchestrator: Orchestrator::default(),
            rigs,
            links: Links::default(),
            witness: Witness::default(),
            log: Log::new(keep_log),
            harms: Harms::default(),
            objects: BTreeSet::new(),
            going_on: BTreeSet::new(),
            plans,
            quiet: false,
            broken: None,
            scenario,
        };
        simulation.begin();
        simulation
    }

    fn begin(&mut self) {
        self.queue.plan(0, What::Slot);
        self.queue.plan(0, What::Orchestrator { run: 0, what: Chore::Start });
        for rig in 0..self.rigs.len() {
            let at = self.draw.between(0..=3_000);
            self.queue.plan(at, What::Rig { rig, run: 0, what: RigChore::Start });
        }
        for (job, plan) in self.scenario.jobs.iter().enumerate() {
            self.queue.plan(plan.at, What::JobComes(job));
        }
        for (number, plan) in self.scenario.faults.iter().enumerate() {
            self.queue.plan(plan.at, What::FaultBegins(number));
        }
        self.queue.plan(INSPECT, What::Inspect);
    }

    /// Runs to the end: until all is over once everything is well again.
    ///
    /// # Errors
    /// What did not hold, in words.
    pub fn run(&mut self) -> Result<(), Broken> {
        while let Some((at, what)) = self.queue.next() {
            self.now = at;
            self.happen(what);
            if let Some(broken) = self.broken.take() {
                self.note(|| format!("BROKEN {broken}"));
                return Err(broken);
            }
            if !self.quiet && self.now >= self.scenario.lasts {
                self.calm_down();
            }
            if self.quiet && self.is_over() {
                return self.check_end();
            }
            if self.now > self.scenario.lasts + QUIET {
                return Err(self.what_is_stuck());
            }
        }
        Err("nothing happens any more".to_owned())
    }

    fn happen(&mut self, what: What) {
        self.log.count(self.now, what.kind());
        match what {
            What::Slot => self.slot(),
            What::Submit { flight, doubled } => self.submit(flight, doubled),
            What::Resend { flight } => self.resend(flight),
            What::Fate { flight, result } => self.fate(flight, result),
            What::Orchestrator { run, what } => self.orchestrator_chore(run, what),
            What::Input { run, input } => {
                if run == self.orchestrator.run {
                    self.take_in(*input);
                }
            }
            What::Rig { rig, run, what } => {
                if run == self.rigs[rig].run {
                    self.rig_chore(rig, what);
                }
            }
            What::Dial { rig, run } => self.dial(rig, run),
            What::ToRig { session, message, harms } => self.rig_hears(session, *message, harms),
            What::ToOrchestrator { session, message, harms } => self.orchestrator_hears(session, *message, harms),
            What::RigHearsEnd { session } => self.rig_hears_end(session),
            What::OrchestratorHearsEnd { session } => self.orchestrator_hears_end(session),
            What::ContainerEnds { rig, key, incarnation, code } => self.container_ends(rig, key, incarnation, code),
            What::JobComes(job) => self.job_comes(job),
            What::JobIsExtended(job, extension) => self.job_is_extended(job, extension),
            What::JobIsCancelled(job) => self.job_is_cancelled(job),
            What::FaultBegins(number) => self.fault_begins(number),
            What::FaultEnds(number) => self.fault_ends(number),
            What::Inspect => {
                self.inspect();
                self.buyers_speak();
                self.plan(INSPECT, What::Inspect);
            }
        }
    }

    pub fn plan(&mut self, after: u64, what: What) {
        self.queue.plan(self.now + after, what);
    }

    pub fn note(&mut self, line: impl FnOnce() -> String) {
        self.log.note(self.now, line);
    }

    pub fn breaks(&mut self, what: impl Into<String>) {
        self.broken.get_or_insert(what.into());
    }

    /// Whether such a fault is going on.
    pub fn suffers(&self, fault: Fault) -> bool {
        self.going_on.iter().any(|number| self.scenario.faults[*number].fault == fault)
    }

    /// Whether the chain answers nothing to the scheduler that asks it now, which is noted.
    pub fn meets_silence(&mut self) -> bool {
        let silent = self.suffers(Fault::ChainUnreachable);
        if silent {
            self.harms.note(Harm::ChainSilent);
        }
        silent
    }

    /// Milliseconds of a message's way.
    pub fn delay(&mut self) -> u64 {
        let most = self.scenario.weather.delay.max(2);
        // Mostly short, sometimes long.
        if self.draw.permille(900) { self.draw.between(1..=most / 2) } else { self.draw.between(most / 2..=most) }
    }

    /// True this often of a thousand times while things may go wrong.
    pub fn chance(&mut self, share: u32) -> bool {
        !self.quiet && self.draw.permille(share)
    }

    fn slot(&mut self) {
        self.plan(SLOT_MILLIS, What::Slot);
        if self.suffers(Fault::ChainStands) {
            return self.harms.note(Harm::SlotMissed);
        }
        if self.suffers(Fault::Forks) && self.draw.permille(200) {
            let slots = 1 + self.draw.below(crate::chain::DEPTH);
            let taken_back = self.chain.fork(slots, &mut self.draw);
            self.harms.add(Harm::TransactionTakenBack, taken_back);
            self.note(|| format!("chain      a fork takes back {slots} slots"));
        }
        // The chain's clock moves in whole seconds, and never back.
        let in_time = START + self.now - self.scenario.weather.chain_behind;
        let lag = if self.suffers(Fault::ChainClockLags) { LAG } else { 0 };
        let confirmed = self.chain.produce(UnixSeconds((in_time - lag) / 1_000), &mut self.draw);
        if self.chain.clock < UnixSeconds(in_time / 1_000) {
            self.harms.note(Harm::ClockLagging);
        }
        confirmed.into_iter().for_each(|confirmed| self.confirmed(confirmed));
    }

    fn is_over(&self) -> bool {
        let planned = self.scenario.jobs.iter().all(|plan| plan.at < self.now);
        planned && self.chain.confirmed.jobs.is_empty() && self.orchestrator.is_idle() && self.rigs_are_clean()
    }
}

impl What {
    fn kind(&self) -> u64 {
        match self {
            Self::Slot => 0,
            Self::Submit { .. } => 1,
            Self::Resend { .. } => 2,
            Self::Fate { .. } => 3,
            Self::Orchestrator { .. } => 4,
            Self::Input { .. } => 5,
            Self::Rig { rig, .. } => 100 + *rig as u64,
            Self::Dial { .. } => 6,
            Self::ToRig { .. } => 7,
            Self::ToOrchestrator { .. } => 8,
            Self::RigHearsEnd { .. } => 9,
            Self::OrchestratorHearsEnd { .. } => 10,
            Self::ContainerEnds { .. } => 11,
            Self::JobComes(_) => 12,
            Self::JobIsCancelled(_) => 13,
            Self::JobIsExtended(..) => 17,
            Self::FaultBegins(_) => 14,
            Self::FaultEnds(_) => 15,
            Self::Inspect => 16,
        }
    }
}

/// What every wallet begins with.
pub const FORTUNE: MicroUsdc = MicroUsdc(1_000_000_000_000);

fn market(scenario: &Scenario, now: UnixSeconds) -> Market {
    let mut market = Market::new(scenario.parameters, now);
    market.providers.clear();
    market.nodes.clear();
    market.buyers.clear();
    market.vaults = millrace_model::Vaults::default();
    for (number, plan) in scenario.rigs.iter().enumerate() {
        let nodes = scenario.rigs.iter().filter(|rig| rig.provider == number).count();
        let reputation = Reputation { updated_at: now, ..Reputation::default() };
        let mut rules = Provider { nodes: u32::try_from(nodes).unwrap_or(0), reputation, ..Provider::default() };
        rules.stake.add(MicroUsdc(5_000_000_000)).expect("a stake of a few thousand USDC");
        market.vaults.mint(Vault::Stake(number), MicroUsdc(5_000_000_000));
        market.vaults.mint(Vault::Owner(number), FORTUNE);
        market.providers.push(ProviderEntry { rules });
        market.nodes.push(NodeEntry {
            provider: plan.provider,
            rules: Node {
                hardware: plan.hardware,
                price: plan.price,
                spot_price: PricePerGpuHour(plan.price.0 / 2),
                service_level: ServiceLevel::None,
                attestation: HardwareAttestation::default(),
                leased: GpuUnits::ZERO,
                status: NodeStatus::Active,
            },
        });
    }
    for buyer in 0..3 {
        market.buyers.push(BuyerEntry { rules: Buyer::default(), allowance: Allowance::default() });
        market.vaults.mint(Vault::Wallet(buyer), FORTUNE);
    }
    market
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::FaultPlan;

    #[test]
    fn the_clock_lags_from_where_it_is_behind() {
        let faults = vec![FaultPlan { at: 0, lasts: 60_000, fault: Fault::ChainClockLags }];
        let mut simulation = Simulation::new(Scenario { faults, ..Scenario::large(1, 1, 1, 60_000) }, false);
        simulation.going_on.insert(0);
        for (now, times) in [(0, 0), (999, 0), (1_000, 1)] {
            simulation.now = now;
            simulation.slot();
            assert_eq!(simulation.harms.times(Harm::ClockLagging), times, "at {now}");
        }
    }
}
