use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use millrace_protocol::Address;

use crate::state::task::{Task, TaskState};

/// A job's tasks, and which of them wait, run and are done: counted as they change, so that no question
/// costs a look at all of them. Reads like a slice.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tasks {
    all: Vec<Task>,
    pending: BTreeSet<u32>,
    active: BTreeMap<Address, BTreeSet<u32>>,
    done: usize,
}

impl Tasks {
    pub(crate) fn new(count: u32) -> Self {
        Self { all: vec![Task::default(); count as usize], pending: (0..count).collect(), ..Self::default() }
    }

    /// Tasks that wait, the lowest number first.
    pub fn pending(&self) -> &BTreeSet<u32> {
        &self.pending
    }

    /// Tasks the lease works on; one, unless its worker says otherwise.
    pub fn active(&self, lease: Address) -> impl Iterator<Item = u32> {
        self.active.get(&lease).into_iter().flatten().copied()
    }

    /// Leases that work on a task.
    pub fn at_work(&self) -> impl Iterator<Item = Address> {
        self.active.keys().copied()
    }

    /// How many are done.
    pub fn done(&self) -> usize {
        self.done
    }

    pub fn all_done(&self) -> bool {
        !self.all.is_empty() && self.done == self.all.len()
    }

    /// Changes one task. None where there is no such task.
    pub(crate) fn change<R>(&mut self, number: u32, change: impl FnOnce(&mut Task) -> R) -> Option<R> {
        let task = self.all.get_mut(number as usize)?;
        let before = task.state;
        let result = change(task);
        let after = task.state;
        if before != after {
            self.uncount(number, before);
            self.count(number, after);
        }
        Some(result)
    }

    fn count(&mut self, number: u32, state: TaskState) {
        match state {
            TaskState::Pending => {
                self.pending.insert(number);
            }
            TaskState::Active { lease, .. } => {
                self.active.entry(lease).or_default().insert(number);
            }
            TaskState::Done { .. } => self.done += 1,
            TaskState::Failed => {}
        }
    }

    fn uncount(&mut self, number: u32, state: TaskState) {
        match state {
            TaskState::Pending => {
                self.pending.remove(&number);
            }
            TaskState::Active { lease, .. } => {
                if let Some(tasks) = self.active.get_mut(&lease) {
                    tasks.remove(&number);
                    if tasks.is_empty() {
                        self.active.remove(&lease);
                    }
                }
            }
            TaskState::Done { .. } => self.done -= 1,
            TaskState::Failed => {}
        }
    }
}

impl Deref for Tasks {
    type Target = [Task];

    fn deref(&self) -> &[Task] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::task::TaskPhase;

    #[test]
    fn counts_follow_every_change() {
        let lease = Address([7; 32]);
        let mut tasks = Tasks::new(3);
        let state = |tasks: &mut Tasks, number, state| tasks.change(number, |task| task.state = state);
        assert_eq!(state(&mut tasks, 3, TaskState::Failed), None);
        state(&mut tasks, 1, TaskState::Active { lease, phase: TaskPhase::Assigned });
        state(&mut tasks, 1, TaskState::Active { lease, phase: TaskPhase::Running });
        assert_eq!(tasks.pending().iter().copied().collect::<Vec<_>>(), [0, 2]);
        assert_eq!((tasks.active(lease).collect::<Vec<_>>(), tasks.at_work().count()), (vec![1], 1));
        for number in 0..3 {
            state(&mut tasks, number, TaskState::Done { lease });
        }
        assert!(tasks.all_done() && tasks.pending().is_empty() && tasks.at_work().count() == 0);
        state(&mut tasks, 0, TaskState::Pending);
        assert!(!tasks.all_done() && tasks.pending().contains(&0));
        assert!(!Tasks::default().all_done());
    }
}
