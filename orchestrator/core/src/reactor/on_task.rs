use std::collections::BTreeSet;

use millrace_protocol::Address;
use millrace_protocol::voucher::ExitClass;
use millrace_spec::Restart;

use crate::decide::preempted;
use crate::event::TaskProgress;
use crate::state::job::Outcome;
use crate::state::lease::Stage;
use crate::state::restarts::{REPLICA, of_retry};
use crate::state::task::{Cause, Fault, Output, TaskPhase, TaskState};
use crate::{Action, Core, JobEntry, Now, Workload};

/// How many different providers' nodes must fail to get an image before the image is to blame.
const PROVIDERS_TO_BLAME_IMAGE: usize = 2;

impl Core {
    pub(crate) fn on_task_update(
        &mut self,
        now: Now,
        (node, lease): (Address, Address),
        (task, attempt): (u32, u32),
        progress: TaskProgress,
    ) {
        self.hear_worker(now, node);
        let ours = self.leases.get(&lease).is_some_and(|entry| entry.view.node == node && !entry.is_final());
        if ours {
            self.hear_lease(now, lease);
        }
        if ours && self.is_current_check(lease, task, attempt) {
            return self.on_check_update(now, (node, lease), (task, attempt), progress);
        }
        let current = ours && self.is_current(lease, task, attempt);
        match progress {
            TaskProgress::Phase { phase, bytes } if current => self.on_phase(now, lease, task, (phase, bytes)),
            TaskProgress::Phase { .. } => self.push(Action::StopTask { node, lease, task, attempt }),
            TaskProgress::Done { outputs } => {
                if current {
                    self.on_task_done(now, lease, task, outputs);
                }
                self.push(Action::AcknowledgeTask { node, lease, task, attempt });
            }
            TaskProgress::Failed { fault, exit_code, cause } => {
                if current {
                    self.on_task_failed(now, (node, lease), task, (fault, exit_code), cause);
                }
                self.push(Action::AcknowledgeTask { node, lease, task, attempt });
            }
        }
    }

    /// Whether a report is about the task's last hand-out, and the task is still to be done.
    pub(super) fn is_current(&self, lease: Address, task: u32, attempt: u32) -> bool {
        self.tasks_of(lease).and_then(|tasks| tasks.get(task)).is_some_and(|task| {
            let open = match task.state {
                TaskState::Pending => true,
                TaskState::Active { lease: holder, .. } => holder == lease,
                TaskState::Done { .. } | TaskState::Failed => false,
            };
            open && task.attempt == attempt && task.lease == Some(lease)
        })
    }

    fn on_phase(&mut self, now: Now, lease: Address, number: u32, (phase, bytes): (TaskPhase, (u64, u64))) {
        let busy_elsewhere =
            self.active_task(lease).is_some_and(|active| active != number) || self.checked_task(lease).is_some();
        let Some(task) = self.tasks_of(lease).and_then(|tasks| tasks.get(number)) else { return };
        let (before, attempt) = (task.state, task.attempt);
        let Some(entry) = self.leases.get_mut(&lease) else { return };
        let (job, node, working) = (entry.view.job, entry.view.node, entry.stage == Stage::Working);
        let Some(job_entry) = self.jobs.get_mut(&job) else { return };
        let wanted = working && job_entry.outcome.is_none();
        let adopted = before != TaskState::Pending || !busy_elsewhere;
        if !wanted || !adopted {
            self.push(Action::StopTask { node, lease, task: number, attempt });
            return;
        }
        if phase == TaskPhase::Running {
            entry.meter.start(now.millis);
        }
        let state = TaskState::Active { lease, phase };
        let moved = before != state;
        self.change_task(lease, number, |task| {
            task.bytes = bytes;
            task.state = state;
        });
        if moved {
            self.touch_task_of(lease, number);
            self.touch_lease(lease);
        }
    }

    fn on_task_done(&mut self, now: Now, lease: Address, number: u32, outputs: Vec<Output>) {
        let Some(job) = self.leases.get(&lease).map(|entry| entry.view.job) else { return };
        let Some(entry) = self.jobs.get(&job) else { return };
        if entry.workload().and_then(Workload::service).is_some_and(|service| service.restart == Restart::Always) {
            return self.on_replica_ended(now, (job, lease), number, ended_well());
        }
        self.change_task(lease, number, |task| task.finish(lease, outputs));
        self.draw(job, number);
        self.touch_task_of(lease, number);
        self.touch_lease(lease);
    }

    /// The container of a service's replica ended by itself: it starts again, the later the more often it did.
    fn on_replica_ended(&mut self, now: Now, (job, lease): (Address, Address), number: u32, cause: Cause) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let backoff = entry.workload().and_then(|workload| workload.retry.as_ref()).map_or(REPLICA, of_retry);
        entry.story_mut().restarts.note(number, now.millis, backoff);
        entry.story_mut().last_failure = Some(cause.clone());
        entry.tasks.change(number, |task| {
            task.state = TaskState::Pending;
            task.last_failure = Some(cause);
        });
        self.touch_job(job);
        self.touch_task(job, number);
        self.touch_lease(lease);
    }

    fn on_task_failed(
        &mut self,
        now: Now,
        (node, lease): (Address, Address),
        number: u32,
        (fault, exit_code): (Fault, Option<i32>),
        cause: Cause,
    ) {
        let Some(held) = self.leases.get(&lease) else { return };
        let (job, has_notice) = (held.view.job, held.has_notice());
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        // It was asked to leave, whatever word it finds for that.
        let left = has_notice && fault == Fault::Nobody;
        let cause = if left { preempted(number) } else { cause };
        let retries = entry.workload().map_or(0, |workload| workload.task_retries);
        let verdict = verdict(entry, fault, exit_code);
        if entry.is_service() && fault == Fault::Buyer && verdict != Verdict::Fatal {
            return self.on_replica_ended(now, (job, lease), number, cause);
        }
        let Some(task) = self.tasks_of(lease).and_then(|tasks| tasks.get(number)) else { return };
        // Stopped though nobody asked for it: handed out again, it would come back as fast.
        let unasked = fault == Fault::Nobody && !left && task.active_lease() == Some(lease);
        let fault = if unasked { Fault::Node } else { fault };
        // Why it was stopped on request is known better here.
        let told = fault != Fault::Nobody || left || task.last_failure.is_none();
        let failed = self.change_task(lease, number, |task| {
            if told {
                task.last_failure = Some(cause.clone());
            }
            task.state = TaskState::Pending;
            match verdict {
                Verdict::Fatal => task.blame(0),
                Verdict::Counts => task.blame(retries),
                Verdict::Uncounted => false,
            }
        });
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if told {
            entry.story_mut().last_failure = Some(cause.clone());
        }
        if fault == Fault::Buyer
            && let Some(retry) = entry.workload().and_then(|workload| workload.retry.as_ref())
        {
            let backoff = of_retry(retry);
            entry.story_mut().restarts.note(number, now.millis, backoff);
        }
        // Of a round each member fails for itself.
        let mut fatal = failed == Some(true) && !entry.is_counted();
        if fault == Fault::Image {
            entry.story_mut().image_failures.insert(node, cause.clone());
            fatal = self.is_image_to_blame(job);
        }
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let nodes_fault = matches!(fault, Fault::Node | Fault::Image);
        if nodes_fault {
            entry.story_mut().failed_nodes.insert(node);
        }
        if fatal {
            entry.outcome.get_or_insert(Outcome::Failed(cause.into()));
        }
        self.touch_job(job);
        self.touch_task_of(lease, number);
        self.touch_lease(lease);
        if nodes_fault {
            self.begin_end(now, lease, ExitClass::NodeFault);
        }
    }

    /// Whether nobody has ever had the image, by the word of nodes that no single provider owns. Once a container
    /// of it has run, what others say of it is theirs to answer for.
    fn is_image_to_blame(&self, job: Address) -> bool {
        let Some(entry) = self.jobs.get(&job) else { return false };
        let leases = self.leases_of_account(job);
        if leases.iter().any(|lease| lease.meter.started()) {
            return false;
        }
        let failed = leases.iter().filter(|lease| entry.story().image_failures.contains_key(&lease.view.node));
        let providers: BTreeSet<Address> = failed.map(|lease| lease.view.provider).collect();
        providers.len() >= PROVIDERS_TO_BLAME_IMAGE
    }
}

fn ended_well() -> Cause {
    Cause {
        code: "replica-ended".to_owned(),
        message: "a replica ended by itself with status 0, and was started again".to_owned(),
        hint: "a service is to run on; `restart = \"on-failure\"` lets replicas end".to_owned(),
    }
}

/// What a failure of a task means to its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Fatal,
    Counts,
    Uncounted,
}

/// By whose fault it is, and what the buyer says about the container's status.
fn verdict(entry: &JobEntry, fault: Fault, exit_code: Option<i32>) -> Verdict {
    if fault != Fault::Buyer {
        return Verdict::Uncounted;
    }
    let retry = entry.workload().and_then(|workload| workload.retry.as_ref());
    let status = exit_code.and_then(|code| u8::try_from(code).ok());
    match retry.zip(status) {
        Some((retry, status)) if retry.fatal_exit_codes.contains(&status) => Verdict::Fatal,
        Some((retry, status)) if retry.uncounted_exit_codes.contains(&status) => Verdict::Uncounted,
        _ => Verdict::Counts,
    }
}
