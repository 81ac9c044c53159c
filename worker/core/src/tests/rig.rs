//! A rig that does what it is told, in memory: the other side of [`Agent`] in every test.

use std::collections::{BTreeMap, BTreeSet};

use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{Address, GpuUnits, PricePerGpuHour, Seconds, UnixSeconds};

use millrace_spec::{ObjectRef, Sha256};

use crate::*;

pub const LEASE: Address = Address([7; 32]);
pub const JOB: Address = Address([9; 32]);
pub const START: UnixSeconds = UnixSeconds(1_000);

pub fn terms() -> LeaseTerms {
    LeaseTerms {
        job: JOB,
        spec: Sha256([2; 32]),
        attestor: Address([6; 32]),
        gpus: vec![0],
        price: PricePerGpuHour(3_600_000),
        units: GpuUnits(1),
        maximum: Seconds(600),
        cpu_millis: 2_000,
        memory_mib: 512,
        disk_mib: 1_000,
        accepted_at: START,
    }
}

pub fn key(task: u32) -> TaskKey {
    TaskKey { lease: LEASE, task, attempt: 1 }
}

pub fn assignment(task: u32) -> Assignment {
    Assignment {
        key: key(task),
        job: JOB,
        task_count: 3,
        image: "probe:1".into(),
        command: vec!["true".into()],
        environment: vec![],
        inputs: vec![Input { path: "scene".into(), object: object(1) }],
        limits: Limits {
            cpu_millis: 2_000,
            memory_mib: 512,
            pids: 64,
            time: Seconds(60),
            network: false,
            output_files: 10,
            output_bytes: 1_000,
        },
        finish_on_notice: false,
        checkpoint: None,
        outputs_every: None,
        gpus: 1,
        runtime: None,
        egress: vec![],
        peers: vec![],
        sealed: None,
    }
}

pub fn output(path: &str) -> Output {
    Output { path: path.into(), object: object(3) }
}

/// What the checkpoint of this number comes to.
pub fn saved(number: u32) -> Saved {
    Saved { manifest: object(u8::try_from(number).unwrap()), files: 1, bytes: 5 }
}

fn object(byte: u8) -> ObjectRef {
    ObjectRef { sha256: Sha256([byte; 32]), size: 5 }
}

pub fn voucher(sequence: u64, metered: u64, is_final: bool) -> Event {
    let voucher = Voucher {
        program: Address([1; 32]),
        lease: LEASE,
        sequence,
        metered: Seconds(metered),
        downtime: Seconds(0),
        is_final,
        exit_class: ExitClass::Completed,
        result_root: [0; 32],
    };
    Event::Voucher { voucher, signature: vec![5; 64] }
}

/// Agent, journal, containers and folders of one machine. Steps that take time wait in `pending`
/// until the test lets them finish.
#[derive(Clone, Default)]
pub struct Rig {
    pub agent: Agent,
    pub journal: Vec<Record>,
    pub reports: Vec<Report>,
    pub containers: BTreeMap<TaskKey, FoundState>,
    pub folders: BTreeSet<TaskKey>,
    pub removed: Vec<String>,
    pub pending: Vec<Action>,
    pub signals: Vec<Action>,
    /// Whose logs it copied after their end.
    pub copied: Vec<TaskKey>,
    /// What it asked of the chain.
    pub asked: Vec<Action>,
    pub now: UnixSeconds,
}

impl Rig {
    pub fn new() -> Self {
        Self { now: START, ..Self::default() }
    }

    /// With the lease taken.
    pub fn leased() -> Self {
        let mut rig = Self::new();
        rig.event(Event::OfferAccepted { lease: LEASE, terms: terms() });
        rig
    }

    pub fn event(&mut self, event: Event) {
        let actions = self.agent.on_event(event, self.now);
        self.perform(actions);
    }

    /// The chain has settled the lease and does not know it any more.
    pub fn pays(&mut self) {
        let clock = UnixSeconds(START.0 + 150);
        self.now = self.now.max(clock);
        self.event(Event::LeaseRead { lease: LEASE, account: None, clock });
    }

    pub fn task(&mut self, task: u32, event: TaskEvent) {
        self.event(Event::Task { key: key(task), event });
    }

    pub fn assign(&mut self, task: u32) {
        self.event(Event::TaskAssigned(assignment(task)));
    }

    pub fn tick(&mut self, seconds: u64) {
        self.now = UnixSeconds(self.now.0 + seconds);
        self.event(Event::Tick);
    }

    pub fn phase(&self, task: u32) -> Phase {
        self.agent.tasks().find(|known| known.key() == key(task)).unwrap().phase().clone()
    }

    pub fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Journal(record) => self.journal.push(record),
                Action::Report(report) => self.reports.push(report),
                Action::RemoveContainer(id) => self.removed.push(id),
                Action::RemoveFoldersExcept(keys) => self.folders.retain(|key| keys.contains(key)),
                Action::CopyLog(key) => self.copied.push(key),
                Action::Terminate(_) | Action::Kill(_) => self.signals.push(action),
                Action::ReadLease(_)
                | Action::Redeem { .. }
                | Action::ExtendStart(_)
                | Action::HoldLease(_)
                | Action::ReadRound(_)
                | Action::CommitResult { .. }
                | Action::RevealResult { .. } => self.asked.push(action),
                other => self.pending.push(other),
            }
        }
    }

    /// Lets the oldest pending step succeed.
    pub fn step(&mut self) {
        let action = self.pending.remove(0);
        let event = match &action {
            Action::FetchInputs(assignment) => {
                self.folders.insert(assignment.key);
                (assignment.key, TaskEvent::InputsReady)
            }
            Action::PullImage(assignment) => (assignment.key, TaskEvent::ImageReady { digest: "sha256:d".into() }),
            Action::CreateContainer(assignment) => {
                let old = self.containers.insert(assignment.key, FoundState::Created);
                assert_eq!(old, None, "a second container for {}", assignment.key);
                (assignment.key, TaskEvent::Created)
            }
            Action::StartContainer(key) => {
                self.containers.insert(*key, FoundState::Running);
                (*key, TaskEvent::Started)
            }
            Action::Follow(key) => {
                let exit = match self.containers.get(key) {
                    Some(FoundState::Exited(exit)) => *exit,
                    _ => Exit { code: 0, out_of_memory: false },
                };
                self.containers.insert(*key, FoundState::Exited(exit));
                (*key, TaskEvent::Exited(exit))
            }
            Action::CollectOutputs(assignment) => {
                assert!(self.folders.contains(&assignment.key), "outputs are gone before they were collected");
                (assignment.key, TaskEvent::Uploaded(vec![output("frame.png")]))
            }
            Action::BringAway { round, assignment, number } => {
                assert!(self.folders.contains(&assignment.key), "it is gone before it was saved");
                (
                    assignment.key,
                    TaskEvent::RoundOver { round: *round, number: *number, saved: Some(saved(*number)), setback: None },
                )
            }
            Action::Clean(key) => {
                self.containers.remove(key);
                self.folders.remove(key);
                (*key, TaskEvent::Cleaned)
            }
            other => panic!("not a step: {other:?}"),
        };
        self.event(Event::Task { key: event.0, event: event.1 });
    }

    /// Lets everything succeed that is under way.
    pub fn settle(&mut self) {
        while !self.pending.is_empty() {
            self.step();
        }
    }

    /// Drops the oldest pending step, which is now under way or broken off.
    pub fn drop_step(&mut self) -> Action {
        self.pending.remove(0)
    }

    /// The process dies and starts again; containers and disk stay.
    pub fn restart(&mut self) {
        let found: Vec<FoundContainer> = self
            .containers
            .iter()
            .map(|(key, state)| FoundContainer { id: key.to_string(), key: Some(*key), state: *state })
            .collect();
        self.pending.clear();
        let recovered = recover(&self.journal, &found, self.now);
        self.agent = recovered.agent;
        self.perform(recovered.actions);
        for id in std::mem::take(&mut self.removed) {
            self.containers.retain(|key, _| key.to_string() != id);
        }
    }

    pub fn done(&self) -> Vec<u32> {
        self.reports
            .iter()
            .filter_map(|report| match report {
                Report::Done(key, _) => Some(key.task),
                _ => None,
            })
            .collect()
    }

    pub fn last_failure(&self) -> Option<Cause> {
        self.reports.iter().rev().find_map(|report| match report {
            Report::Failed(_, failure) => Some(failure.cause),
            _ => None,
        })
    }

    pub fn is_clean(&self) -> bool {
        self.containers.is_empty() && self.folders.is_empty() && self.pending.is_empty()
    }
}
