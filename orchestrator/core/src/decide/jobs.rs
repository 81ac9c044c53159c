use millrace_protocol::Address;

use crate::Core;
use crate::state::job::Outcome;
use crate::state::task::{Task, TaskState};

impl Core {
    /// The oldest first; the address decides between jobs of the same second.
    pub(super) fn by_age(&self, jobs: impl Iterator<Item = Address>) -> Vec<Address> {
        let mut jobs: Vec<_> = jobs
            .filter_map(|address| {
                self.jobs.get(&address).map(|entry| (entry.view.opened_at, entry.view.opened_slot, address))
            })
            .collect();
        jobs.sort_unstable();
        jobs.into_iter().map(|(_, _, address)| address).collect()
    }

    /// Notices that a job's work is over, and calls back what is still running of it.
    pub(super) fn conclude(&mut self, job: Address) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if entry.outcome.is_none() && entry.all_done() {
            entry.outcome = Some(Outcome::Completed);
            self.touch_job(job);
        }
        if self.jobs[&job].outcome.is_some() {
            self.call_back_tasks(job);
        }
    }

    fn call_back_tasks(&mut self, job: Address) {
        let tasks = &self.jobs[&job].tasks;
        let active: Vec<Address> = tasks.at_work().chain(tasks.checkers().map(|(lease, _)| lease)).collect();
        for lease in active {
            self.stop_and_requeue(lease);
        }
    }

    /// What these tasks made counts no more: they wait again.
    pub(super) fn redo_tasks(&mut self, job: Address, numbers: &[u32]) {
        for number in numbers.iter().copied() {
            self.stop_check(job, number);
            let Some(entry) = self.jobs.get_mut(&job) else { return };
            entry.tasks.change(number, Task::redo);
            self.touch_task(job, number);
        }
    }

    /// Calls back the second run of a task: there is nothing left to compare it with.
    pub(super) fn stop_check(&mut self, job: Address, task: u32) {
        let entry = self.jobs.get(&job);
        if let Some(lease) = entry.and_then(|entry| entry.tasks.get(task)?.check.as_ref()?.running_on()) {
            self.stop_and_requeue(lease);
        }
    }

    /// Takes the lease's task away from its worker.
    pub(super) fn stop_and_requeue(&mut self, lease: Address) {
        let Some(node) = self.leases.get(&lease).map(|entry| entry.view.node) else { return };
        for (task, attempt) in self.requeue_tasks(lease) {
            if self.is_connected(node) {
                self.push(crate::Action::StopTask { node, lease, task, attempt });
            }
        }
    }
}

impl crate::JobEntry {
    /// Whether any task has ended for good without success.
    pub fn has_failed_task(&self) -> bool {
        self.tasks.iter().any(|task| task.state == TaskState::Failed)
    }
}
