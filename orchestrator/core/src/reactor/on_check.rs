use millrace_protocol::Address;
use millrace_protocol::voucher::ExitClass;

use crate::decide::task_root;
use crate::event::TaskProgress;
use crate::state::check::{Check, CheckState, Finding, Lapse, Run};
use crate::state::lease::Stage;
use crate::state::task::{Fault, Output, TaskPhase, TaskState};
use crate::{Action, Core, Notice, Now};

/// So many runs of a check may end without a result by their container's doing: one may have been the node's.
const FAILURES: u32 = 2;

impl Core {
    /// Whether a report is about the last hand-out of a task's check, which is still to be done.
    pub(crate) fn is_current_check(&self, lease: Address, number: u32, attempt: u32) -> bool {
        let job = self.leases.get(&lease).and_then(|entry| self.jobs.get(&entry.view.job));
        let check = job.and_then(|job| job.tasks.get(number)?.check.as_deref());
        check.is_some_and(|check| check.is_open() && check.attempt == attempt && check.lease == Some(lease))
    }

    pub(crate) fn on_check_update(
        &mut self,
        now: Now,
        (node, lease): (Address, Address),
        (number, attempt): (u32, u32),
        progress: TaskProgress,
    ) {
        let Some(job) = self.leases.get(&lease).map(|entry| entry.view.job) else { return };
        match progress {
            TaskProgress::Phase { phase, .. } => {
                if !self.on_check_phase(now, (job, lease), number, phase) {
                    self.push(Action::StopTask { node, lease, task: number, attempt });
                }
            }
            TaskProgress::Done { outputs } => {
                self.compare(now, (job, lease), number, outputs);
                self.push(Action::AcknowledgeTask { node, lease, task: number, attempt });
            }
            TaskProgress::Failed { fault, .. } => {
                self.on_check_failed(now, (job, lease, node), number, fault);
                self.push(Action::AcknowledgeTask { node, lease, task: number, attempt });
            }
        }
    }

    /// Whether the run goes on.
    fn on_check_phase(&mut self, now: Now, (job, lease): (Address, Address), number: u32, phase: TaskPhase) -> bool {
        let busy_elsewhere =
            self.active_task(lease).is_some() || self.checked_task(lease).is_some_and(|other| other != number);
        let Some(entry) = self.leases.get_mut(&lease) else { return false };
        let Some(job_entry) = self.jobs.get_mut(&job) else { return false };
        if entry.stage != Stage::Working || job_entry.outcome.is_some() || busy_elsewhere {
            return false;
        }
        if phase == TaskPhase::Running {
            entry.meter.start(now.millis);
        }
        let state = CheckState::Running { lease, phase };
        let moved = job_entry.tasks.change_check(number, |check| std::mem::replace(&mut check.state, state) != state);
        if moved == Some(true) {
            self.touch_task(job, number);
            self.touch_lease(lease);
        }
        true
    }

    /// The second result is here.
    fn compare(&mut self, now: Now, (job, lease): (Address, Address), number: u32, outputs: Vec<Output>) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let Some(task) = entry.tasks.get(number) else { return };
        let TaskState::Done { lease: first } = task.state else { return };
        let run = |lease, outputs| Run { lease, root: task_root(number, outputs), outputs: outputs.to_vec() };
        let (first, second) = (run(first, &task.outputs), run(lease, &outputs));
        let equal = first.root == second.root;
        let state = if equal { CheckState::Equal { lease } } else { CheckState::Different { lease } };
        entry.tasks.change_check(number, |check| check.state = state);
        if equal {
            self.push(Action::Notice(Notice::ResultsEqual { job, task: number }));
        } else {
            let (found_at, attempts_failed) = (now.chain, entry.view.job.attempts_failed);
            let disputed = first.lease;
            let (evidence, dispute, trouble) = (None, None, None);
            entry.story_mut().findings.push(Finding {
                task: number,
                first,
                second,
                found_at,
                attempts_failed,
                evidence,
                dispute,
                trouble,
            });
            self.touch_job(job);
            self.push(Action::Notice(Notice::ResultsDiffer { job, task: number, first: disputed, second: lease }));
        }
        self.touch_task(job, number);
        self.touch_lease(lease);
    }

    fn on_check_failed(
        &mut self,
        now: Now,
        (job, lease, node): (Address, Address, Address),
        number: u32,
        fault: Fault,
    ) {
        let Some(held) = self.leases.get(&lease) else { return };
        let asked = held.has_notice() || self.checked_task(lease) != Some(number);
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let failures = entry.tasks.change_check(number, |check| {
            check.state = CheckState::Waiting;
            check.failures += u32::from(fault == Fault::Buyer);
            check.failures
        });
        // Stopped though nobody asked for it: handed out again, it would come back as fast.
        let nodes_fault = matches!(fault, Fault::Node | Fault::Image) || fault == Fault::Nobody && !asked;
        if nodes_fault {
            entry.story_mut().failed_nodes.insert(node);
            self.touch_job(job);
        }
        self.touch_task(job, number);
        self.touch_lease(lease);
        if failures.is_some_and(|failures| failures >= FAILURES) {
            self.lapse(job, number, Lapse::NoSecondResult);
        }
        if nodes_fault {
            // Where only checks are left the job is done: its last lease's fault would have the chain undo that.
            let done = self.class_of_release(job) == ExitClass::Completed;
            self.begin_end(now, lease, if done { ExitClass::Completed } else { ExitClass::NodeFault });
        }
    }

    /// Whether the worker may go on with a check that it holds.
    pub(crate) fn readopt_check(&mut self, lease: Address, number: u32) -> bool {
        let busy = self.is_busy(lease);
        let Some(entry) = self.leases.get(&lease) else { return false };
        let (job, working) = (entry.view.job, entry.stage == Stage::Working);
        let Some(entry) = self.jobs.get_mut(&job).filter(|entry| working && entry.outcome.is_none()) else {
            return false;
        };
        let Some(check) = entry.tasks.get(number).and_then(|task| task.check.clone()) else { return false };
        let Check { state, .. } = *check;
        match state {
            CheckState::Running { lease: holder, .. } => holder == lease,
            CheckState::Waiting if !busy => {
                let state = CheckState::Running { lease, phase: TaskPhase::Assigned };
                entry.tasks.change_check(number, |check| check.state = state);
                self.touch_task(job, number);
                true
            }
            _ => false,
        }
    }
}
