use std::collections::{BTreeSet, HashMap};

use millrace_protocol::{Address, JobState, UnixSeconds};
use millrace_scheduler::{JobEntry, SpecStatus};

/// What a job waits for, or does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobPhase {
    /// Its spec is not here.
    AwaitingSpec,
    /// Its spec can never be had.
    Unusable,
    /// For a node, or for another job.
    Waiting,
    /// It has a live lease.
    Running,
    /// Its work is over, its money on the way.
    Ending,
}

impl JobPhase {
    pub const ALL: [Self; 5] = [Self::AwaitingSpec, Self::Unusable, Self::Waiting, Self::Running, Self::Ending];

    pub fn name(self) -> &'static str {
        match self {
            Self::AwaitingSpec => "awaiting-spec",
            Self::Unusable => "unusable",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Ending => "ending",
        }
    }

    fn of(entry: &JobEntry) -> Self {
        let job = &entry.view.job;
        match &entry.spec {
            _ if entry.outcome.is_some() || !matches!(job.state, JobState::Open | JobState::Active) => Self::Ending,
            SpecStatus::Wanted { .. } => Self::AwaitingSpec,
            SpecStatus::Unusable(_) => Self::Unusable,
            SpecStatus::Known(_) if job.live_leases > 0 => Self::Running,
            SpecStatus::Known(_) => Self::Waiting,
        }
    }
}

/// Tasks by what has become of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct TaskCounts {
    pub pending: u64,
    pub active: u64,
    pub done: u64,
    pub failed: u64,
}

impl TaskCounts {
    fn of(entry: &JobEntry) -> Self {
        let tasks = &entry.tasks;
        let active: usize = tasks.at_work().map(|lease| tasks.active(lease).count()).sum();
        let failed = tasks.len().saturating_sub(tasks.n_pending() + active + tasks.done());
        let [pending, active, done, failed] = [tasks.n_pending(), active, tasks.done(), failed].map(|n| n as u64);
        Self { pending, active, done, failed }
    }

    fn plus(&mut self, other: Self) {
        self.pending += other.pending;
        self.active += other.active;
        self.done += other.done;
        self.failed += other.failed;
    }

    fn minus(&mut self, other: Self) {
        self.pending -= other.pending;
        self.active -= other.active;
        self.done -= other.done;
        self.failed -= other.failed;
    }
}

/// A job as it was counted last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    phase: JobPhase,
    tasks: TaskCounts,
    /// When it was opened, if it has never had a lease and waits for no other job.
    unstarted: Option<UnixSeconds>,
}

/// Jobs whose accounts exist, and their tasks: counted whenever one of them has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    counted: HashMap<Address, Counted>,
    pub(super) jobs: [u64; JobPhase::ALL.len()],
    pub(super) tasks: TaskCounts,
    unstarted: BTreeSet<(UnixSeconds, Address)>,
}

impl Tally {
    /// With one look at all of them.
    pub fn of<'a>(jobs: impl Iterator<Item = (Address, &'a JobEntry)>) -> Self {
        let mut tally = Self::default();
        jobs.for_each(|(job, entry)| tally.note(job, Some(entry)));
        tally
    }

    /// The job as it is now; none where nobody knows it.
    pub fn note(&mut self, job: Address, entry: Option<&JobEntry>) {
        if let Some(before) = self.counted.remove(&job) {
            self.jobs[before.phase as usize] -= 1;
            self.tasks.minus(before.tasks);
            if let Some(opened_at) = before.unstarted {
                self.unstarted.remove(&(opened_at, job));
            }
        }
        let Some(entry) = entry.filter(|entry| entry.on_chain) else { return };
        let phase = JobPhase::of(entry);
        let follows = entry.workload().is_some_and(|workload| !workload.after.is_empty());
        let is_unstarted = phase == JobPhase::Waiting && entry.view.job.state == JobState::Open && !follows;
        let unstarted = is_unstarted.then_some(entry.view.opened_at);
        let counted = Counted { phase, tasks: TaskCounts::of(entry), unstarted };
        self.jobs[phase as usize] += 1;
        self.tasks.plus(counted.tasks);
        self.unstarted.extend(unstarted.map(|opened_at| (opened_at, job)));
        self.counted.insert(job, counted);
    }

    /// Since when the first job waits of those that have never had a lease.
    pub(super) fn oldest(&self) -> Option<UnixSeconds> {
        self.unstarted.first().map(|(opened_at, _)| *opened_at)
    }
}
