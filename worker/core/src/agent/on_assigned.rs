use millrace_protocol::{Address, UnixSeconds};

use crate::{Action, Agent, Assignment, Cause, Failure, LeasePhase, Record, Report, StopReason, Task, TaskKey};

/// Most tasks of one lease that have not ended: the rig holds all that each is given to work with, up to 4 MiB of a
/// job's spec, and each is written to disk.
///
/// The scheduler hands out one at a time. What else has not ended it has taken back, each time after three heartbeats
/// without a word, and to stop that takes a minute and a half at most where the engine answers (`STOP_GRACE`,
/// `KILL_GRACE`, `SAVE_PATIENCE`): with heartbeats a second apart, a tenth of the usual, and a link that breaks after
/// each task, these are thirty.
const MOST_UNFINISHED: usize = 32;

impl Agent {
    /// A task arrives, perhaps not for the first time: the orchestrator repeats itself after it
    /// was restarted. One container runs per lease; a further task waits.
    pub(super) fn on_assigned(&mut self, assignment: Assignment, now: UnixSeconds, actions: &mut Vec<Action>) {
        let key = assignment.key;
        if let Some(task) = self.tasks.get(&key) {
            actions.extend(task.report().map(Action::Report));
            return;
        }
        let Some(lease) = self.leases.get_mut(&key.lease).filter(|lease| lease.takes_tasks()) else {
            let failure = Failure::from(Cause::LeaseUnknown);
            actions.push(Action::Report(Report::Failed(key, failure)));
            return;
        };
        lease.phase = LeasePhase::Held;
        if lease.notice.is_some() {
            actions.push(Action::Report(Report::Failed(key, Cause::Preempted.into())));
            return;
        }
        if let Some(fault) = self.fault_under(key.lease) {
            actions.push(Action::Report(Report::Failed(key, fault.failure())));
            return;
        }
        // A rig whose engine stops nothing is to get nothing more: under such a word the scheduler ends the lease.
        if self.unfinished(key.lease).count() >= MOST_UNFINISHED {
            actions.push(Action::Report(Report::Failed(key, Cause::TasksTooMany.into())));
            return;
        }
        self.take_back_attempts(key, now, actions);
        actions.push(Action::Journal(Record::TaskAssigned { assignment: assignment.clone() }));
        self.tasks.insert(key, Task::new(assignment));
        self.begin_next(key.lease, now, actions);
    }

    /// Of a task the scheduler wants one attempt at a time: with another it has taken back the one before, of which the
    /// rig may not have heard.
    fn take_back_attempts(&mut self, key: TaskKey, now: UnixSeconds, actions: &mut Vec<Action>) {
        let same = |task: &&mut Task| task.key().lease == key.lease && task.key().task == key.task;
        for task in self.tasks.values_mut().filter(same) {
            task.stop(StopReason::Requested, now, actions);
        }
    }

    /// After anything that may have ended a task.
    pub(super) fn on_progress(&mut self, key: TaskKey, now: UnixSeconds, actions: &mut Vec<Action>) {
        if self.tasks.get(&key).and_then(Task::outcome).is_none() {
            return;
        }
        self.begin_next(key.lease, now, actions);
        self.report_if_empty(key.lease, now, actions);
    }

    /// The scheduler has booked the end; there is nothing left to say about the task.
    pub(super) fn on_acknowledged(&mut self, key: TaskKey, actions: &mut Vec<Action>) {
        let ended = self.tasks.get_mut(&key).filter(|task| task.outcome().is_some() && !task.is_acknowledged());
        if let Some(task) = ended {
            task.acknowledge();
            actions.push(Action::Journal(Record::TaskAcknowledged { key }));
        }
    }

    pub(crate) fn begin_next(&mut self, lease: Address, now: UnixSeconds, actions: &mut Vec<Action>) {
        let Some(held) = self.leases.get(&lease).filter(|lease| lease.takes_tasks()) else { return };
        let secrets = held.secrets();
        let busy = self.unfinished(lease).any(|task| !task.is_waiting());
        let next = self.unfinished(lease).find(|task| task.is_waiting()).map(Task::key);
        if let (false, Some(task)) = (busy, next.and_then(|next| self.tasks.get_mut(&next))) {
            task.begin(secrets, now, actions);
        }
    }
}
