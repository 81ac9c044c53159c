use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::ops::Index;

use millrace_protocol::Address;

use crate::state::check::Check;
use crate::state::task::{Task, TaskState};

static UNTOUCHED: Task = Task::NEW;

/// A job's tasks, and which of them wait, run and are done: counted as they change, so that no question
/// costs a look at all of them. Those that nobody has touched yet take no memory: tasks are handed out by
/// number, so they are the last ones.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tasks {
    count: u32,
    /// None before the first is touched.
    touched: Option<Box<Touched>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct Touched {
    tasks: Vec<Task>,
    pending: BTreeSet<u32>,
    active: BTreeMap<Address, BTreeSet<u32>>,
    /// Drawn to be run again, and not compared yet.
    unchecked: BTreeSet<u32>,
    /// By the lease that runs them again.
    checking: BTreeMap<Address, u32>,
    done: usize,
}

impl Tasks {
    pub(crate) fn new(count: u32) -> Self {
        Self { count, touched: None }
    }

    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn get(&self, number: u32) -> Option<&Task> {
        (number < self.count).then(|| self.touched().get(number as usize).unwrap_or(&UNTOUCHED))
    }

    /// By number, from 0.
    pub fn iter(&self) -> impl Iterator<Item = &Task> {
        self.touched().iter().chain(iter::repeat_n(&UNTOUCHED, self.n_untouched() as usize))
    }

    /// Tasks that wait, the lowest number first.
    pub fn pending(&self) -> impl Iterator<Item = u32> + Clone {
        let touched = self.touched.iter().flat_map(|touched| &touched.pending).copied();
        touched.chain(self.count - self.n_untouched()..self.count)
    }

    pub fn n_pending(&self) -> usize {
        let touched = self.touched.as_ref().map_or(0, |touched| touched.pending.len());
        touched + self.n_untouched() as usize
    }

    /// Tasks the lease works on; one, unless its worker says otherwise.
    pub fn active(&self, lease: Address) -> impl Iterator<Item = u32> {
        let active = self.touched.as_ref().and_then(|touched| touched.active.get(&lease));
        active.into_iter().flatten().copied()
    }

    /// Leases that work on a task.
    pub fn at_work(&self) -> impl Iterator<Item = Address> {
        self.touched.iter().flat_map(|touched| touched.active.keys()).copied()
    }

    /// Tasks that are still to be run again, the lowest number first.
    pub fn unchecked(&self) -> impl Iterator<Item = u32> {
        self.touched.iter().flat_map(|touched| &touched.unchecked).copied()
    }

    /// How many are still to be run again.
    pub fn n_unchecked(&self) -> usize {
        self.touched.as_ref().map_or(0, |touched| touched.unchecked.len())
    }

    /// The task that the lease runs again.
    pub fn checked_by(&self, lease: Address) -> Option<u32> {
        self.touched.as_ref()?.checking.get(&lease).copied()
    }

    /// Leases that run a task again, and which.
    pub fn checkers(&self) -> impl Iterator<Item = (Address, u32)> {
        self.touched.iter().flat_map(|touched| &touched.checking).map(|(lease, number)| (*lease, *number))
    }

    /// How many are done.
    pub fn done(&self) -> usize {
        self.touched.as_ref().map_or(0, |touched| touched.done)
    }

    pub fn all_done(&self) -> bool {
        !self.is_empty() && self.done() == self.len()
    }

    /// Changes one task. None where there is no such task.
    pub(crate) fn change<R>(&mut self, number: u32, change: impl FnOnce(&mut Task) -> R) -> Option<R> {
        if number >= self.count {
            return None;
        }
        let first = self.count - self.n_untouched();
        let touched = self.touched.get_or_insert_default();
        for next in first..=number {
            touched.tasks.push(Task::NEW);
            touched.pending.insert(next);
        }
        let task = touched.tasks.get_mut(number as usize)?;
        let before = (task.state, Watch::of(task));
        let result = change(task);
        let after = (task.state, Watch::of(task));
        if before != after {
            touched.forget(number, before.0);
            touched.note(number, after.0);
            touched.watch(number, before.1, after.1);
        }
        Some(result)
    }

    /// Changes one task's check. None where it has none.
    pub(crate) fn change_check<R>(&mut self, number: u32, change: impl FnOnce(&mut Check) -> R) -> Option<R> {
        self.get(number)?.check.as_ref()?;
        self.change(number, |task| task.check.as_deref_mut().map(change)).flatten()
    }

    fn n_untouched(&self) -> u32 {
        u32::try_from(self.touched().len()).map_or(0, |touched| self.count - touched)
    }

    fn touched(&self) -> &[Task] {
        self.touched.as_ref().map_or(&[], |touched| &touched.tasks)
    }
}

/// How far a task's check is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Watch {
    is_open: bool,
    on: Option<Address>,
}

impl Watch {
    fn of(task: &Task) -> Self {
        let check = task.check.as_deref();
        Self { is_open: check.is_some_and(Check::is_open), on: check.and_then(Check::running_on) }
    }
}

impl Touched {
    fn watch(&mut self, number: u32, before: Watch, after: Watch) {
        if let Some(lease) = before.on {
            self.checking.remove(&lease);
        }
        if let Some(lease) = after.on {
            self.checking.insert(lease, number);
        }
        if after.is_open {
            self.unchecked.insert(number);
        } else {
            self.unchecked.remove(&number);
        }
    }

    fn note(&mut self, number: u32, state: TaskState) {
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

    fn forget(&mut self, number: u32, state: TaskState) {
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

impl Index<u32> for Tasks {
    type Output = Task;

    fn index(&self, number: u32) -> &Task {
        self.get(number).expect("a number below the count")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::check::CheckState;
    use crate::state::task::TaskPhase;

    #[test]
    fn counts_follow_every_change() {
        let lease = Address([7; 32]);
        let mut tasks = Tasks::new(3);
        assert_eq!((tasks.n_pending(), tasks.pending().collect::<Vec<_>>()), (3, vec![0, 1, 2]));
        let state = |tasks: &mut Tasks, number, state| tasks.change(number, |task| task.state = state);
        assert_eq!(state(&mut tasks, 3, TaskState::Failed), None);
        state(&mut tasks, 1, TaskState::Active { lease, phase: TaskPhase::Assigned });
        state(&mut tasks, 1, TaskState::Active { lease, phase: TaskPhase::Running });
        assert_eq!(tasks.pending().collect::<Vec<_>>(), [0, 2]);
        assert_eq!((tasks.active(lease).collect::<Vec<_>>(), tasks.at_work().count()), (vec![1], 1));
        for number in 0..3 {
            state(&mut tasks, number, TaskState::Done { lease });
        }
        assert!(tasks.all_done() && tasks.n_pending() == 0 && tasks.at_work().count() == 0);
        state(&mut tasks, 0, TaskState::Pending);
        assert!(!tasks.all_done() && tasks.pending().eq([0]));
        assert!(!Tasks::default().all_done());
    }

    #[test]
    fn checks_are_counted_as_they_change() {
        let (lease, phase) = (Address([7; 32]), TaskPhase::Running);
        let mut tasks = Tasks::new(3);
        assert_eq!(tasks.change_check(1, |_| ()), None, "it was not drawn");
        tasks.change(1, |task| task.check = Some(Check::NEW.into()));
        assert_eq!(
            (tasks.unchecked().collect::<Vec<_>>(), tasks.n_unchecked(), tasks.checked_by(lease)),
            (vec![1], 1, None)
        );
        tasks.change_check(1, |check| check.state = CheckState::Running { lease, phase });
        assert_eq!((tasks.checked_by(lease), tasks.checkers().collect::<Vec<_>>()), (Some(1), vec![(lease, 1)]));
        tasks.change_check(1, |check| check.state = CheckState::Waiting);
        assert_eq!((tasks.checked_by(lease), tasks.n_unchecked()), (None, 1));
        tasks.change_check(1, |check| check.state = CheckState::Equal { lease });
        assert_eq!((tasks.n_unchecked(), tasks.checkers().count()), (0, 0));
        tasks.change(1, |task| {
            task.check = Some(Check { state: CheckState::Running { lease, phase }, ..Check::NEW }.into())
        });
        tasks.change(1, Task::redo);
        assert_eq!((tasks.n_unchecked(), tasks.checkers().count()), (0, 0));
    }
}
