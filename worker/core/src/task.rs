mod rounds;

use millrace_protocol::{Seconds, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::lease::Secrets;
use crate::{
    Action, Assignment, Cause, Exit, Failure, Notice, Output, Record, Report, Saved, Setback, SetbackCause, StopReason,
    TaskEvent, TaskKey,
};

pub use rounds::Round;
use rounds::Rounds;

/// From SIGTERM to SIGKILL.
pub(crate) const STOP_GRACE: Seconds = Seconds(10);
/// From SIGKILL until the container is removed by force, whatever the engine says about it.
const KILL_GRACE: Seconds = Seconds(30);

/// How long the last checkpoint of a stopped container may take: less than the scheduler waits for a lease's report.
const SAVE_PATIENCE: Seconds = Seconds(40);

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Done(Vec<Output>),
    Failed(Failure),
}

/// Where a task is. Every way on leads through `Cleaning`, and only from there to `Ended`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waits until the lease's previous task has ended.
    Assigned,
    /// Its buyer has to bring something first.
    AwaitingSecrets {
        until: UnixSeconds,
    },
    FetchingInputs,
    Pulling,
    Creating,
    Starting,
    Running {
        started_at: UnixSeconds,
    },
    Stopping {
        failure: Failure,
        next: Escalation,
    },
    Uploading,
    /// Its container has failed or was stopped, and what it keeps for the next attempt is brought away.
    Saving {
        failure: Failure,
        /// Nobody waits for it longer.
        until: UnixSeconds,
    },
    Cleaning {
        outcome: Outcome,
    },
    Ended {
        outcome: Outcome,
    },
}

/// What happens to a container that does not stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escalation {
    KillAt(UnixSeconds),
    RemoveAt(UnixSeconds),
}

/// The life of one task's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Once it has ended, without what only a container needs.
    pub assignment: Assignment,
    phase: Phase,
    /// Of the image in use, once known.
    digest: String,
    /// When its turn came; not kept on disk, for what goes on after a restart begins again.
    begun_at: UnixSeconds,
    /// The scheduler has booked the end.
    acknowledged: bool,
    /// Nobody can say whether its container runs; not kept on disk, for who goes on has just seen it.
    out_of_sight: bool,
    checkpoints: Rounds,
    early_outputs: Rounds,
}

impl Task {
    pub(crate) fn new(assignment: Assignment) -> Self {
        Self::at(assignment, Phase::Assigned)
    }

    /// As recovery found it.
    pub(crate) fn at(assignment: Assignment, phase: Phase) -> Self {
        Self {
            assignment,
            phase,
            digest: String::new(),
            begun_at: UnixSeconds::ZERO,
            acknowledged: false,
            out_of_sight: false,
            checkpoints: Rounds::default(),
            early_outputs: Rounds::default(),
        }
    }

    /// As recovery found it, with the newest checkpoint that the journal knows.
    pub(crate) fn with_checkpoint(self, saved: Option<Saved>) -> Self {
        Self { checkpoints: Rounds::with(saved), ..self }
    }

    /// The newest, where one was brought away.
    pub(crate) fn checkpoint(&self) -> Option<Saved> {
        self.checkpoints.saved
    }

    pub fn key(&self) -> TaskKey {
        self.assignment.key
    }

    /// When its turn came to fetch what it needs; zero before, and where it went on from where it was found.
    pub(crate) fn begun_at(&self) -> UnixSeconds {
        self.begun_at
    }

    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether it has a container that does its work: what a heartbeat calls running.
    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    /// Whether nobody can say that its container runs.
    pub(crate) fn is_out_of_sight(&self) -> bool {
        self.out_of_sight
    }

    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Ended { outcome } => Some(outcome),
            _ => None,
        }
    }

    /// Whether its container is still to do its work, or at it.
    pub(crate) fn needs_gpus(&self) -> bool {
        !matches!(self.phase, Phase::Uploading | Phase::Saving { .. } | Phase::Cleaning { .. } | Phase::Ended { .. })
    }

    /// Whether it waits for its turn.
    pub(crate) fn is_waiting(&self) -> bool {
        self.phase == Phase::Assigned
    }

    /// What the orchestrator should believe, also after it has missed something.
    pub(crate) fn report(&self) -> Option<Report> {
        let key = self.key();
        Some(match &self.phase {
            Phase::Assigned | Phase::Saving { .. } | Phase::Cleaning { .. } | Phase::Stopping { .. } => return None,
            Phase::AwaitingSecrets { until } => Report::AwaitingSecrets(key, *until),
            Phase::FetchingInputs => Report::FetchingInputs(key),
            Phase::Pulling => Report::Pulling(key),
            Phase::Creating => Report::Creating(key, self.digest.clone()),
            Phase::Starting => Report::Starting(key),
            Phase::Running { .. } => Report::Running(key),
            Phase::Uploading => Report::Uploading(key),
            Phase::Ended { outcome: Outcome::Done(outputs) } => Report::Done(key, outputs.clone()),
            Phase::Ended { outcome: Outcome::Failed(failure) } => Report::Failed(key, failure.clone()),
        })
    }

    /// Its turn has come.
    pub(crate) fn begin(&mut self, secrets: Secrets, now: UnixSeconds, actions: &mut Vec<Action>) {
        match secrets {
            Secrets::AwaitedUntil(until) if self.assignment.awaits_secrets() => {
                self.phase = Phase::AwaitingSecrets { until };
                actions.extend(self.report().map(Action::Report));
            }
            Secrets::AwaitedUntil(_) | Secrets::Here => self.fetch(now, actions),
        }
    }

    /// The end of its wait may be another than it was told.
    pub(crate) fn await_secrets(&mut self, secrets: Secrets, actions: &mut Vec<Action>) {
        if let (Phase::AwaitingSecrets { until }, Secrets::AwaitedUntil(other)) = (&mut self.phase, secrets)
            && *until != other
        {
            *until = other;
            actions.extend(self.report().map(Action::Report));
        }
    }

    /// What it waited for is here.
    pub(crate) fn on_unsealed(&mut self, now: UnixSeconds, actions: &mut Vec<Action>) {
        if matches!(self.phase, Phase::AwaitingSecrets { .. }) {
            self.fetch(now, actions);
        }
    }

    fn fetch(&mut self, now: UnixSeconds, actions: &mut Vec<Action>) {
        self.begun_at = now;
        let fetch = Action::FetchInputs(self.assignment.clone());
        self.enter(Phase::FetchingInputs, fetch, actions);
    }

    /// What is out of order, like the result of a step that was broken off meanwhile, is ignored:
    /// cleaning takes care of whatever that step left behind.
    pub(crate) fn on_event(&mut self, event: TaskEvent, now: UnixSeconds, actions: &mut Vec<Action>) {
        let key = self.key();
        if matches!(event, TaskEvent::Exited(_) | TaskEvent::EndedBy(_) | TaskEvent::Vanished) {
            // The engine has said what became of the container: nobody looks for it any more.
            self.out_of_sight = false;
        }
        match (&self.phase, event) {
            (_, TaskEvent::OutOfSight) => self.out_of_sight = true,
            (_, TaskEvent::InSight) => self.out_of_sight = false,
            (Phase::FetchingInputs, TaskEvent::InputsReady) => {
                let pull = Action::PullImage(self.assignment.clone());
                self.enter(Phase::Pulling, pull, actions);
            }
            (Phase::Pulling, TaskEvent::ImageReady { digest }) => {
                self.digest = digest;
                let create = Action::CreateContainer(self.assignment.clone());
                self.enter(Phase::Creating, create, actions);
            }
            (Phase::Creating, TaskEvent::Created) => {
                self.enter(Phase::Starting, Action::StartContainer(key), actions);
            }
            (Phase::Starting, TaskEvent::Started) => {
                actions.push(Action::Journal(Record::TaskStarted { key, at: now }));
                self.begin_rounds(now);
                self.enter(Phase::Running { started_at: now }, Action::Follow(key), actions);
            }
            // The engine must be watched, or nobody notices that the container has stopped.
            (Phase::Stopping { .. }, TaskEvent::Started) => actions.push(Action::Follow(key)),
            (Phase::Running { .. }, TaskEvent::Exited(exit)) => self.on_exit(exit, now, actions),
            (Phase::Running { .. }, TaskEvent::EndedBy(failure)) => self.fail_after_saving(failure, now, actions),
            (Phase::FetchingInputs, TaskEvent::CheckpointLost(setback)) => {
                self.set_back(Round::Checkpoint, Some(setback), actions);
            }
            (
                Phase::Running { .. } | Phase::Stopping { .. } | Phase::Saving { .. },
                TaskEvent::RoundOver { round, number, saved, setback },
            ) => self.on_round_over(round, number, saved, setback, actions),
            // It broke a limit that only the shell can see, such as the disk's: no grace.
            (Phase::Running { .. }, TaskEvent::Failed(failure)) => self.fail(failure, actions),
            (Phase::Running { .. }, TaskEvent::Vanished) => self.fail(Cause::ContainerLost.into(), actions),
            (Phase::Stopping { failure, .. }, TaskEvent::Exited(_) | TaskEvent::EndedBy(_)) => {
                let failure = failure.clone();
                self.save_last(failure, now, actions);
            }
            (Phase::Stopping { failure, .. }, TaskEvent::Vanished | TaskEvent::Failed(_)) => {
                let outcome = Outcome::Failed(failure.clone());
                self.clean(outcome, actions);
            }
            (Phase::Uploading, TaskEvent::Uploaded(outputs)) => {
                actions.push(Action::Journal(Record::TaskUploaded { key, outputs: outputs.clone() }));
                self.clean(Outcome::Done(outputs), actions);
            }
            (
                Phase::FetchingInputs | Phase::Pulling | Phase::Creating | Phase::Starting | Phase::Uploading,
                TaskEvent::Failed(failure),
            ) => self.fail(failure, actions),
            (Phase::Cleaning { outcome }, TaskEvent::Cleaned) => {
                let outcome = outcome.clone();
                actions.push(Action::Journal(Record::TaskEnded { key, outcome: outcome.clone() }));
                self.end(outcome);
                actions.extend(self.report().map(Action::Report));
            }
            _ => {}
        }
    }

    /// The scheduler, or the lease's end, takes the task back.
    pub(crate) fn stop(&mut self, reason: StopReason, now: UnixSeconds, actions: &mut Vec<Action>) {
        let failure = match reason {
            StopReason::Requested => Failure::from(Cause::Stopped),
            StopReason::LeaseOver => Failure::new(Cause::Stopped, "its lease is over"),
        };
        self.hand_back(failure, now, actions);
    }

    /// It cannot be finished here: a container that runs is stopped, anything else broken off.
    pub(crate) fn hand_back(&mut self, failure: Failure, now: UnixSeconds, actions: &mut Vec<Action>) {
        match &self.phase {
            Phase::Running { .. } | Phase::Starting => self.terminate(failure, now, actions),
            Phase::Stopping { failure, next: Escalation::KillAt(at) } => {
                // Whoever had longer, for its lease had notice, has no longer than others once it is taken back.
                let next = Escalation::KillAt(later(now, STOP_GRACE).min(*at));
                self.phase = Phase::Stopping { failure: failure.clone(), next };
            }
            Phase::Stopping { .. } | Phase::Saving { .. } | Phase::Cleaning { .. } | Phase::Ended { .. } => {}
            Phase::Assigned
            | Phase::AwaitingSecrets { .. }
            | Phase::FetchingInputs
            | Phase::Pulling
            | Phase::Creating
            | Phase::Uploading => self.fail(failure, actions),
        }
    }

    /// Its lease has notice: what has not begun does not, what runs is told to stop, and what is done is brought home.
    /// A task that is to finish has until the notice is over.
    pub(crate) fn leave(&mut self, notice: Notice, now: UnixSeconds, actions: &mut Vec<Action>) {
        let finishes = self.assignment.finish_on_notice && now < notice.ends_at;
        let stopped = later(now, STOP_GRACE).max(notice.kill_at);
        match &self.phase {
            Phase::Running { .. } | Phase::Starting if finishes => {}
            Phase::Running { started_at } => {
                let limit = later(*started_at, self.assignment.limits.time);
                let kill_at = stopped.min(later(limit.max(now), STOP_GRACE));
                self.terminate_by(Cause::Preempted.into(), kill_at, actions);
            }
            Phase::Starting => self.terminate_by(Cause::Preempted.into(), stopped, actions),
            Phase::Stopping { .. }
            | Phase::Uploading
            | Phase::Saving { .. }
            | Phase::Cleaning { .. }
            | Phase::Ended { .. } => {}
            Phase::Assigned
            | Phase::AwaitingSecrets { .. }
            | Phase::FetchingInputs
            | Phase::Pulling
            | Phase::Creating => self.fail(Cause::Preempted.into(), actions),
        }
    }

    /// `started_by`: when its lease gives up a container that does not run by then.
    pub(crate) fn on_tick(&mut self, now: UnixSeconds, started_by: Option<UnixSeconds>, actions: &mut Vec<Action>) {
        if let Some(cause) = self.slow_at().filter(|_| started_by.is_some_and(|by| now >= by)) {
            return self.fail(cause.into(), actions);
        }
        match &self.phase {
            Phase::AwaitingSecrets { until } if now >= *until => self.fail(Cause::SecretsMissing.into(), actions),
            Phase::Running { started_at } if now.since(*started_at) >= self.assignment.limits.time => {
                self.terminate(Cause::TimedOut.into(), now, actions);
            }
            Phase::Stopping { failure, next: Escalation::KillAt(at) } if now >= *at => {
                let next = Escalation::RemoveAt(later(now, KILL_GRACE));
                self.phase = Phase::Stopping { failure: failure.clone(), next };
                actions.push(Action::Kill(self.key()));
            }
            Phase::Stopping { failure, next: Escalation::RemoveAt(at) } if now >= *at => {
                let outcome = Outcome::Failed(failure.clone());
                self.clean(outcome, actions);
            }
            Phase::Saving { failure, until } if now >= *until => {
                let outcome = Outcome::Failed(failure.clone());
                let late = Setback::new(SetbackCause::CheckpointLate, format!("{} s", SAVE_PATIENCE.0));
                self.set_back(Round::Checkpoint, Some(late), actions);
                self.clean(outcome, actions);
            }
            Phase::Running { .. } => {
                for round in [Round::Checkpoint, Round::Outputs] {
                    self.bring_away_if_due(round, now, actions);
                }
            }
            _ => {}
        }
    }

    /// What it is slow at while it has no container that could run.
    fn slow_at(&self) -> Option<Cause> {
        match self.phase {
            Phase::FetchingInputs => Some(Cause::InputSlow),
            Phase::Pulling => Some(Cause::ImageSlow),
            Phase::Creating => Some(Cause::CreateSlow),
            _ => None,
        }
    }

    pub(crate) fn on_exit(&mut self, exit: Exit, now: UnixSeconds, actions: &mut Vec<Action>) {
        actions.push(Action::Journal(Record::TaskExited { key: self.key(), exit }));
        match exit {
            // A program whose helper ran out of memory, and that coped, has succeeded.
            Exit { code: 0, .. } => self.collect(actions),
            Exit { out_of_memory: true, .. } => self.fail_after_saving(Cause::OutOfMemory.into(), now, actions),
            Exit { code, .. } => self.fail_after_saving(Cause::ExitCode(code).into(), now, actions),
        }
    }

    pub(crate) fn fail_after_saving(&mut self, failure: Failure, now: UnixSeconds, actions: &mut Vec<Action>) {
        actions.push(Action::Journal(Record::TaskFailing { key: self.key(), failure: failure.clone() }));
        self.save_last(failure, now, actions);
    }

    /// Its container has ended and will not go on here: what it keeps for the next attempt is brought away first.
    pub(crate) fn save_last(&mut self, failure: Failure, now: UnixSeconds, actions: &mut Vec<Action>) {
        if self.assignment.checkpoint.is_none() {
            return self.clean(Outcome::Failed(failure), actions);
        }
        let (assignment, number) = (self.assignment.clone(), self.checkpoints.last());
        actions.push(Action::BringAway { round: Round::Checkpoint, assignment, number });
        self.phase = Phase::Saving { failure, until: later(now, SAVE_PATIENCE) };
    }

    pub(crate) fn collect(&mut self, actions: &mut Vec<Action>) {
        let collect = Action::CollectOutputs(self.assignment.clone());
        self.enter(Phase::Uploading, collect, actions);
    }

    pub(crate) fn fail(&mut self, failure: Failure, actions: &mut Vec<Action>) {
        actions.push(Action::Journal(Record::TaskFailing { key: self.key(), failure: failure.clone() }));
        self.clean(Outcome::Failed(failure), actions);
    }

    pub(crate) fn clean(&mut self, outcome: Outcome, actions: &mut Vec<Action>) {
        self.phase = Phase::Cleaning { outcome };
        actions.push(Action::Clean(self.key()));
    }

    /// Its buyer decides how long all of this is, and how many tasks end under one lease: what only a container needs
    /// goes with it, or a rig would hold it, and write it down at each compaction, until the lease is closed.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.phase = Phase::Ended { outcome };
        self.digest = String::new();
        let spent = &mut self.assignment;
        spent.command = Vec::new();
        spent.environment = Vec::new();
        spent.inputs = Vec::new();
        spent.egress = Vec::new();
        spent.peers = Vec::new();
        spent.sealed = None;
    }

    /// A finished task that nobody wants any more.
    pub(crate) fn withdraw(&mut self, outcome: Outcome) {
        self.phase = Phase::Ended { outcome };
    }

    pub(crate) fn acknowledge(&mut self) {
        self.acknowledged = true;
    }

    /// Whether the scheduler has booked the end: nothing is left to say about it.
    pub fn is_acknowledged(&self) -> bool {
        self.acknowledged
    }

    pub(crate) fn terminate(&mut self, failure: Failure, now: UnixSeconds, actions: &mut Vec<Action>) {
        self.terminate_by(failure, later(now, STOP_GRACE), actions);
    }

    /// Asks it to stop, and kills it then.
    pub(crate) fn terminate_by(&mut self, failure: Failure, kill_at: UnixSeconds, actions: &mut Vec<Action>) {
        actions.push(Action::Journal(Record::TaskFailing { key: self.key(), failure: failure.clone() }));
        self.phase = Phase::Stopping { failure, next: Escalation::KillAt(kill_at) };
        actions.push(Action::Terminate(self.key()));
    }

    fn enter(&mut self, phase: Phase, action: Action, actions: &mut Vec<Action>) {
        self.phase = phase;
        actions.extend(self.report().map(Action::Report));
        actions.push(action);
    }
}

pub(crate) fn later(now: UnixSeconds, by: Seconds) -> UnixSeconds {
    UnixSeconds(now.0.saturating_add(by.0))
}
