mod history;
mod snapshot;

use std::collections::BTreeMap;

use millrace_protocol::UnixSeconds;

use crate::task::{STOP_GRACE, later};
use crate::{Action, Agent, Cause, Exit, Failure, Lease, LeasePhase, Outcome, Phase, Record, Task, TaskEvent, TaskKey};

use history::{History, TaskHistory};
pub(crate) use snapshot::snapshot;

/// A container that carries this node's label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundContainer {
    pub id: String,
    /// `None` when its labels name no task.
    pub key: Option<TaskKey>,
    pub state: FoundState,
}

/// What a container that was found is doing. The order is how much there is to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundState {
    Created,
    Exited(Exit),
    /// It ended before its engine was started last, and perhaps because that was stopped.
    Interrupted(Exit),
    Running,
}

impl FoundState {
    /// Whether its program ended by itself, and badly.
    fn has_failed(self) -> bool {
        matches!(self, Self::Exited(exit) if exit.code != 0 && !exit.is_from_outside())
    }
}

/// What a worker holds by its journal, before its engine has said what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whether there is anything that a worker must look after: a lease that is not closed, or a result that is still to
    /// be committed to or shown.
    pub at_stake: bool,
    /// Whether there is a lease that is not closed: its deadlines are by the clock that it was taken by.
    pub lease: bool,
    /// UUIDs of the GPUs that its leases name by position; none without a lease, in the journal of an older worker, or
    /// of a rig without.
    pub gpus: Vec<String>,
}

impl Held {
    /// By these records and no later ones.
    pub fn of(records: &[Record]) -> Self {
        let History { leases, votes, gpus, .. } = History::replay(records);
        let lease = !leases.is_empty();
        Self { at_stake: lease || !votes.is_empty(), lease, gpus: if lease { gpus } else { vec![] } }
    }

    /// Whether a worker that found these containers has nothing to look after.
    pub fn is_idle(&self, found: &[FoundContainer]) -> bool {
        found.is_empty() && !self.at_stake
    }
}

/// What a restarted worker continues with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    pub agent: Agent,
    /// Adopts what runs, removes what nobody owns, goes on with the rest.
    pub actions: Vec<Action>,
}

/// Replays a journal and makes what was found agree with it: a task's container is adopted in
/// whatever state it is; a container or folder without an unfinished task goes away.
pub fn recover(records: &[Record], found: &[FoundContainer], now: UnixSeconds) -> Recovered {
    let history = History::replay(records);
    let mut actions = Vec::new();
    let mut owned = adoptable(found, &history, &mut actions);
    let mut agent = resume_all(history, |key, _| owned.remove(&key), now, &mut actions);
    let unfinished = agent.tasks.values().filter(|task| task.outcome().is_none()).map(Task::key).collect();
    actions.push(Action::RemoveFoldersExcept(unfinished));
    let leases: Vec<_> =
        agent.leases.iter().map(|(address, lease)| (*address, lease.phase, lease.is_attested())).collect();
    for (lease, phase, attested) in leases {
        match phase {
            LeasePhase::Ending | LeasePhase::Over => {
                agent.stop_all(lease, now, &mut actions);
                agent.report_if_empty(lease, now, &mut actions);
            }
            LeasePhase::Held if attested => agent.on_end_lease(lease, now, &mut actions),
            LeasePhase::Offered | LeasePhase::Held => {
                agent.leave(lease, now, &mut actions);
                agent.begin_next(lease, now, &mut actions);
            }
            LeasePhase::Reported { .. } => {}
        }
    }
    Recovered { agent, actions }
}

/// What a worker knows whose engine does not say what is there: what ran is taken to run, out of sight. Only what it does
/// on chain and what it journals is to be done, as if the worker were killed before everything else: the recovery that
/// follows, once the engine answers, does that.
pub fn recover_unseen(records: &[Record], now: UnixSeconds) -> Agent {
    let runs = |_, past: &TaskHistory| {
        let running = past.is_unfinished() && past.started_at.is_some() && past.exit.is_none();
        running.then_some(FoundState::Running)
    };
    let mut dropped = Vec::new();
    let mut agent = resume_all(History::replay(records), runs, now, &mut dropped);
    for task in agent.tasks.values_mut().filter(|task| task.outcome().is_none()) {
        task.on_event(TaskEvent::OutOfSight, now, &mut dropped);
    }
    agent
}

/// Everything as it was, with each task's container in the state that it is in.
fn resume_all(
    history: History,
    mut state_of: impl FnMut(TaskKey, &TaskHistory) -> Option<FoundState>,
    now: UnixSeconds,
    actions: &mut Vec<Action>,
) -> Agent {
    let History { leases, tasks, bids, votes, gpus } = history;
    let mut agent = Agent { leases, bids, votes, gpus, ..Agent::default() };
    for (key, past) in tasks {
        let state = state_of(key, &past);
        let lease = agent.leases.get(&key.lease);
        let task = resume(past, state, lease, now, actions);
        agent.tasks.insert(key, task);
    }
    for lease in agent.leases.values_mut() {
        lease.upkeep.begin_anew(now);
        // When its last voucher came nobody remembers: whoever issued it may just be about to settle.
        if lease.is_attested() {
            lease.upkeep.hear(now);
        }
    }
    agent
}

/// One container per unfinished task; every other one is removed.
fn adoptable(found: &[FoundContainer], history: &History, actions: &mut Vec<Action>) -> BTreeMap<TaskKey, FoundState> {
    let rank = |state: &FoundState| match state {
        FoundState::Created => 0,
        FoundState::Exited(_) | FoundState::Interrupted(_) => 1,
        FoundState::Running => 2,
    };
    let mut best: BTreeMap<TaskKey, &FoundContainer> = BTreeMap::new();
    for container in found {
        let key = container.key.filter(|key| history.tasks.get(key).is_some_and(TaskHistory::is_unfinished));
        let Some(key) = key else {
            actions.push(Action::RemoveContainer(container.id.clone()));
            continue;
        };
        let loser = match best.get(&key) {
            Some(other) if rank(&other.state) >= rank(&container.state) => Some(container),
            _ => best.insert(key, container),
        };
        actions.extend(loser.map(|loser| Action::RemoveContainer(loser.id.clone())));
    }
    best.into_iter().map(|(key, container)| (key, container.state)).collect()
}

/// Puts a task back to where it was.
fn resume(
    past: TaskHistory,
    found: Option<FoundState>,
    lease: Option<&Lease>,
    now: UnixSeconds,
    actions: &mut Vec<Action>,
) -> Task {
    let key = past.assignment.key;
    let notice = lease.and_then(Lease::notice);
    if let Some(outcome) = past.outcome {
        let mut task = Task::new(past.assignment).with_checkpoint(past.saved);
        task.end(outcome);
        if past.acknowledged {
            task.acknowledge();
        }
        return task;
    }
    // What is stopped now has ended for that reason, whatever is found out: so where its lease ends it is judged at once.
    let stays = notice.is_none() && lease.is_some_and(|lease| lease.takes_tasks() && !lease.is_attested());
    if stays && past.has_no_end() && found.is_some_and(FoundState::has_failed) {
        // Whose fault that was is looked into as where somebody watches. When it began does not matter any more: it may
        // be longer ago than its time limit, which did not end it.
        actions.push(Action::Follow(key));
        return Task::at(past.assignment, Phase::Running { started_at: now }).with_checkpoint(past.saved);
    }
    let mut task = Task::new(past.assignment).with_checkpoint(past.saved);
    if let Some(FoundState::Exited(_) | FoundState::Interrupted(_)) = found {
        // Before anything that ends with the container's removal.
        actions.push(Action::CopyLog(key));
    }
    match (past.failing, past.uploaded, past.exit, found) {
        (Some(failure), _, _, Some(FoundState::Running)) => {
            // It is told once more: whether it ever was nobody knows.
            let notice = notice.filter(|_| failure.cause == Cause::Preempted);
            let grace = later(now, STOP_GRACE);
            task.terminate_by(failure, notice.map_or(grace, |notice| notice.kill_at.max(grace)), actions);
            actions.push(Action::Follow(key));
        }
        // What has not changed since is at the network's already.
        (Some(failure), _, _, Some(FoundState::Exited(_) | FoundState::Interrupted(_))) => {
            task.save_last(failure, now, actions);
        }
        (Some(failure), ..) => task.clean(Outcome::Failed(failure), actions),
        (None, Some(outputs), ..) => task.clean(Outcome::Done(outputs), actions),
        // Nobody watched it end. After a restart of the machine that is not the buyer's fault; a
        // program that really says so says it again to the next rig.
        (None, None, None, Some(state @ (FoundState::Exited(exit) | FoundState::Interrupted(exit))))
            if matches!(state, FoundState::Interrupted(_)) || exit.is_from_outside() =>
        {
            let code = exit.code;
            let failure =
                Failure::new(Cause::ContainerLost, format!("it ended with status {code} while nobody watched"));
            task.fail_after_saving(failure, now, actions);
        }
        (None, None, Some(exit), _)
        | (None, None, None, Some(FoundState::Exited(exit) | FoundState::Interrupted(exit))) => {
            task.on_exit(exit, now, actions);
        }
        (None, None, None, Some(FoundState::Running)) => {
            let started_at = past.started_at.unwrap_or_else(|| {
                actions.push(Action::Journal(Record::TaskStarted { key, at: now }));
                now
            });
            task = Task::at(task.assignment, Phase::Running { started_at }).with_checkpoint(past.saved);
            task.begin_rounds(now);
            actions.push(Action::Follow(key));
        }
        (None, None, None, _) if past.started_at.is_some() => task.fail(Cause::ContainerLost.into(), actions),
        (None, None, None, Some(FoundState::Created)) => {
            task = Task::at(task.assignment, Phase::Starting);
            actions.push(Action::StartContainer(key));
        }
        // It had not come far: from the beginning, with what the input cache has already.
        (None, None, None, None) => {}
    }
    task
}
