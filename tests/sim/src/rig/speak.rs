//! What a worker says, like the real shell; and what liars make of it.

use millrace_agent::{
    Agent, Cause as AgentCause, Event, Failure, Fault as AgentFault, LeasePhase, Outcome, Phase, Report, Round, Saved,
    TaskKey,
};
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{Address, Diagnostic, Seconds};
use millrace_scheduler::{
    Brought, Cause, Event as Told, Fault, HeldLease, HeldTask, Output, Round as ToldRound, TaskPhase, TaskProgress,
};
use millrace_spec::Sha256;

use crate::chain::Origin;
use crate::ledger::Instruction;
use crate::message::ToOrchestrator;
use crate::name;
use crate::scenario::{Character, Fault as Trouble};
use crate::simulation::{RigChore, Simulation};

impl Simulation {
    /// A stream stands: the worker says what it holds, and then what may have been missed.
    pub fn rig_connects(&mut self, rig: usize, session: u64) {
        let resume = self.resume(rig);
        self.rigs[rig].session = Some(session);
        self.note(|| format!("{:<10} has a stream, {session}", name::short(name::node(rig))));
        self.send_to_orchestrator(session, resume);
        let gpus = self.gpus_of(rig);
        self.send_to_orchestrator(session, ToOrchestrator::Announced { gpus });
        self.rig_feed(rig, Event::Connected);
        self.rig_plan(rig, 0, RigChore::Heartbeat { session });
    }

    fn resume(&self, rig: usize) -> ToOrchestrator {
        let node = name::node(rig);
        let worker = &self.rigs[rig];
        let images = worker.images.iter().cloned().collect();
        let draining = self.suffers(Trouble::OwnerDrains { rig });
        let Some(agent) = &worker.agent else {
            return ToOrchestrator::Resume { draining, images, held: Vec::new(), reports: Vec::new() };
        };
        let held = held(agent);
        let told = agent.tasks().filter(|task| task.outcome().is_none());
        let reports = told.map(|task| update(node, task.key(), progress(task.phase()))).collect();
        ToOrchestrator::Resume { draining, images, held, reports }
    }

    pub fn heartbeat(&mut self, rig: usize, session: u64) {
        if self.rigs[rig].session != Some(session) {
            return;
        }
        self.rig_plan(rig, self.scenario.heartbeat_millis, RigChore::Heartbeat { session });
        let node = name::node(rig);
        if self.scenario.is_drained(rig) {
            self.say_whether_it_drains(rig);
        }
        let mut leases = self.works_for(rig);
        match self.character(rig) {
            Character::Impostor if !self.quiet => leases.extend(self.chain.confirmed.live()),
            Character::Mute if !self.quiet => leases.clear(),
            _ => {}
        }
        self.send_to_orchestrator(session, ToOrchestrator::Said(Box::new(Told::Heartbeat { node, leases })));
        if self.draw.below(20) == 0 {
            // As its objects would have shown.
            let kib_per_second = self.draw.one_of(&[1, 1_000, 12_000, 100_000]);
            let said = Told::LinkMeasured { node, kib_per_second };
            self.send_to_orchestrator(session, ToOrchestrator::Said(Box::new(said)));
        }
        if self.character(rig) == Character::Impostor && !self.quiet {
            self.pretend(rig, session);
        }
    }

    /// With each heartbeat, and as soon as it changes.
    pub fn say_whether_it_drains(&mut self, rig: usize) {
        let Some(session) = self.rigs[rig].session else { return };
        let draining = self.suffers(Trouble::OwnerDrains { rig });
        let said = Told::WorkerDraining { node: name::node(rig), draining };
        self.send_to_orchestrator(session, ToOrchestrator::Said(Box::new(said)));
    }

    /// The rig's engine has an image more.
    pub fn say_what_images_it_has(&mut self, rig: usize) {
        let Some(session) = self.rigs[rig].session else { return };
        let said = Told::WorkerImages { node: name::node(rig), images: self.rigs[rig].images.clone() };
        self.send_to_orchestrator(session, ToOrchestrator::Said(Box::new(said)));
    }

    /// Speaks of what others have, and tries its luck with the chain.
    fn pretend(&mut self, rig: usize, session: u64) {
        let live = self.chain.confirmed.live();
        if live.is_empty() {
            return;
        }
        let lease = self.draw.one_of(&live);
        let (task, attempt) = (self.draw.below(20) as u32, 1 + self.draw.below(2) as u32);
        let progress = TaskProgress::Done { outputs: Vec::new() };
        let said = update(name::node(rig), TaskKey { lease, task, attempt }, progress);
        // One of its own is no lie of this kind, also where a new worker on an empty disk knows nothing of it.
        let own = self.chain.confirmed.leases.get(&lease).is_some_and(|at| at.node == name::node(rig));
        if !own {
            self.send_to_orchestrator(session, ToOrchestrator::Said(Box::new(said)));
        }
        let voucher = Voucher {
            program: name::PROGRAM,
            lease,
            sequence: self.draw.one_of(&[1, 2, 5, 1_000]),
            metered: Seconds(self.draw.one_of(&[0, 1, 30, 10_000])),
            downtime: Seconds::ZERO,
            is_final: self.draw.permille(500),
            exit_class: ExitClass::Completed,
            result_root: [7; 32],
        };
        self.send(Instruction::Settle { voucher: Box::new(voucher), signed: false }, Origin::Outside);
    }

    /// Tells the orchestrator now, or not at all: what matters is said again after the next connection.
    pub fn rig_reports(&mut self, rig: usize, report: Report) {
        let Some(session) = self.rigs[rig].session else { return };
        let node = name::node(rig);
        let character = if self.quiet { Character::Honest } else { self.character(rig) };
        let said = match report {
            Report::Starting(_) | Report::LeaseClosed { .. } | Report::GpuFault { .. } => return,
            _ if character == Character::Mute => return,
            Report::ChallengeDeclined { number, .. } => {
                return self.send_to_orchestrator(session, ToOrchestrator::Proved { number, answer: None });
            }
            Report::AwaitingSecrets(key, until) => update(node, key, phase(TaskPhase::AwaitingSecrets { until })),
            Report::FetchingInputs(key) => update(node, key, phase(TaskPhase::FetchingInputs)),
            Report::Pulling(key) => update(node, key, phase(TaskPhase::Pulling)),
            Report::Creating(key, _) => update(node, key, phase(TaskPhase::Creating)),
            Report::Running(key) => update(node, key, phase(TaskPhase::Running)),
            Report::Uploading(key) => update(node, key, phase(TaskPhase::Uploading)),
            Report::Done(key, outputs) => update(node, key, done(&outputs)),
            Report::Failed(key, failure) => update(node, key, failed(&failure)),
            Report::BroughtAway(key, of, saved) => {
                let Saved { manifest, files, bytes } = saved;
                let brought = Brought { manifest, attempt: key.attempt, files, bytes };
                Told::BroughtAway { node, lease: key.lease, task: key.task, round: round(of), brought }
            }
            Report::SetBack(key, of, setback) => {
                let cause = setback.map(|setback| Cause {
                    code: setback.cause.code().to_owned(),
                    message: setback.to_string(),
                    hint: setback.cause.hint(),
                });
                let (TaskKey { lease, task, attempt }, round) = (key, round(of));
                Told::SetBack { node, lease, task, attempt, round, cause }
            }
            Report::LeaseEnded { lease, result_root } => {
                let forged = character == Character::Forger;
                let result_root = if forged { Sha256([0xf0; 32]) } else { result_root };
                Told::LeaseReport { node, lease, result_root }
            }
        };
        self.send_to_orchestrator(session, ToOrchestrator::Said(Box::new(said)));
    }
}

fn held(agent: &Agent) -> Vec<HeldLease> {
    let known = agent.leases().filter(|(_, lease)| lease.phase() != LeasePhase::Offered);
    let mut held: Vec<HeldLease> = known.map(|(lease, _)| HeldLease { lease, tasks: Vec::new() }).collect();
    for task in agent.tasks().filter(|task| !task.is_acknowledged()) {
        let key = task.key();
        let has = HeldTask { task: key.task, attempt: key.attempt };
        match held.iter_mut().find(|lease| lease.lease == key.lease) {
            Some(lease) => lease.tasks.push(has),
            None => held.push(HeldLease { lease: key.lease, tasks: vec![has] }),
        }
    }
    held
}

fn update(node: Address, key: TaskKey, progress: TaskProgress) -> Told {
    Told::TaskUpdate { node, lease: key.lease, task: key.task, attempt: key.attempt, progress }
}

fn phase(phase: TaskPhase) -> TaskProgress {
    TaskProgress::Phase { phase, bytes: (0, 0) }
}

fn done(outputs: &[millrace_agent::Output]) -> TaskProgress {
    let one = |output: &millrace_agent::Output| Output { path: output.path.clone(), object: output.object };
    TaskProgress::Done { outputs: outputs.iter().map(one).collect() }
}

fn failed(failure: &Failure) -> TaskProgress {
    let fault = match (failure.cause, failure.cause.fault()) {
        (
            AgentCause::ImageMissing
            | AgentCause::ImageSlow
            | AgentCause::ImageTooLarge
            | AgentCause::ImageUnfit
            | AgentCause::PullFailed,
            _,
        ) => Fault::Image,
        (_, AgentFault::Buyer) => Fault::Buyer,
        (_, AgentFault::Node) => Fault::Node,
        (_, AgentFault::Nobody) => Fault::Nobody,
    };
    let cause =
        Cause { code: failure.cause.code().to_owned(), message: failure.to_string(), hint: failure.cause.hint() };
    let exit_code = match failure.cause {
        AgentCause::ExitCode(code) => i32::try_from(code).ok(),
        _ => None,
    };
    TaskProgress::Failed { fault, exit_code, cause }
}

fn round(round: Round) -> ToldRound {
    match round {
        Round::Checkpoint => ToldRound::Checkpoint,
        Round::Outputs => ToldRound::Outputs,
    }
}

fn progress(of: &Phase) -> TaskProgress {
    match of {
        Phase::Assigned => phase(TaskPhase::Assigned),
        Phase::AwaitingSecrets { until } => phase(TaskPhase::AwaitingSecrets { until: *until }),
        Phase::FetchingInputs => phase(TaskPhase::FetchingInputs),
        Phase::Pulling => phase(TaskPhase::Pulling),
        Phase::Creating | Phase::Starting => phase(TaskPhase::Creating),
        Phase::Running { .. } | Phase::Stopping { .. } | Phase::Saving { .. } => phase(TaskPhase::Running),
        Phase::Uploading | Phase::Cleaning { .. } => phase(TaskPhase::Uploading),
        Phase::Ended { outcome: Outcome::Done(outputs) } => done(outputs),
        Phase::Ended { outcome: Outcome::Failed(failure) } => failed(failure),
    }
}
