use std::collections::BTreeMap;

use millrace_protocol::{Address, UnixSeconds};

use crate::state::check::CheckState;
use crate::state::task::TaskPhase;
use crate::{Action, Blocker, Core, JobEntry, LeaseEntry, Now, TaskState};

impl Core {
    /// Hands the job's checks to those of its leases that may run them: idle ones, of another provider that can be a
    /// witness.
    pub(in crate::decide) fn hand_out_checks(&mut self, now: Now, job: Address) {
        for (lease, number) in self.servable_checks(now, job) {
            let Some(node) = self.leases.get(&lease).map(|entry| entry.view.node) else { continue };
            if self.is_live(now, node) {
                self.assign_check(job, lease, number);
            }
        }
    }

    fn assign_check(&mut self, job: Address, lease: Address, number: u32) {
        let Some(node) = self.leases.get(&lease).map(|entry| entry.view.node) else { return };
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let Some(tried) = entry.tasks.get(number).map(|task| task.attempt) else { return };
        let assigned = entry.tasks.change_check(number, |check| {
            check.attempt = check.attempt.max(tried) + 1;
            check.lease = Some(lease);
            check.state = CheckState::Running { lease, phase: TaskPhase::Assigned };
            check.attempt
        });
        let Some(attempt) = assigned else { return };
        if let Some(entry) = self.leases.get_mut(&lease) {
            entry.handed_out_at = entry.meter.millis;
        }
        self.touch_task(job, number);
        let (peers, checkpoint) = (Vec::new(), None);
        self.push(Action::AssignTask { node, lease, job, task: number, attempt, peers, checkpoint });
    }

    /// Idle leases of the job that may run a check, and which.
    pub(in crate::decide) fn servable_checks(&self, now: Now, job: Address) -> BTreeMap<Address, u32> {
        let mut waiting = self.waiting_checks(now, job);
        let mut served = BTreeMap::new();
        if waiting.is_empty() {
            return served;
        }
        let refuted = self.jobs.get(&job).map(|entry| self.refuted_providers(entry)).unwrap_or_default();
        let usable = |entry: &&LeaseEntry| {
            entry.is_working() && !entry.silenced && !entry.has_notice() && !refuted.contains(&entry.view.provider)
        };
        for lease in self.open_leases.of_job(job) {
            let Some(entry) = self.leases.get(&lease).filter(usable) else { continue };
            if !self.attends(lease) || self.is_busy(lease) {
                continue;
            }
            let at = waiting.iter().position(|(_, _, provider)| *provider != entry.view.provider);
            served.extend(at.map(|at| (lease, waiting.remove(at).1)));
        }
        served
    }

    /// Checks that need a further lease, and the provider that it must not be with, the most urgent first. Those of
    /// a lease that still works wait: somebody else of the job's may be free for them before their time runs.
    pub(crate) fn unserved_checks(&self, now: Now, job: Address) -> Vec<(u32, Address)> {
        let waiting = self.waiting_checks(now, job);
        if waiting.is_empty() {
            return Vec::new();
        }
        let served = self.servable_checks(now, job);
        let is_served = |number: &u32| served.values().any(|other| other == number);
        let unserved = waiting.into_iter().filter(|(until, number, _)| *until < UnixSeconds::MAX && !is_served(number));
        unserved.map(|(_, number, provider)| (number, provider)).collect()
    }

    /// What is still to be run again, for whoever asks why the job is not done.
    pub(crate) fn check_blocker(&self, now: Now, job: Address, entry: &JobEntry) -> Option<Blocker> {
        let (open, running) = (entry.tasks.n_unchecked(), entry.tasks.checkers().count());
        let until = self.waiting_checks(now, job).first().map(|(until, ..)| *until);
        let until = until.filter(|until| *until < UnixSeconds::MAX);
        (open > 0 && entry.working()).then_some(Blocker::SpotChecks { open, running, until })
    }

    /// Checks that nobody runs now and that are still of use: until when, the task, and the provider whose result it
    /// is; the most urgent first. A lease that still works has all the time there is.
    fn waiting_checks(&self, now: Now, job: Address) -> Vec<(UnixSeconds, u32, Address)> {
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.working()) else { return Vec::new() };
        let mut waiting = Vec::new();
        for number in entry.tasks.unchecked() {
            let Some(task) = entry.tasks.get(number) else { continue };
            let is_waiting = task.check.as_ref().is_some_and(|check| check.state == CheckState::Waiting);
            let (true, TaskState::Done { lease }) = (is_waiting, task.state) else { continue };
            let Some(first) = self.leases.get(&lease) else { continue };
            let until = self.check_by(first).unwrap_or(UnixSeconds::MAX);
            if now.chain < until {
                waiting.push((until, number, first.view.provider));
            }
        }
        waiting.sort_unstable();
        waiting
    }
}
