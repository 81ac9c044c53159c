use millrace_protocol::Address;

use crate::Core;
use crate::state::task::{Task, TaskState};
use crate::state::tasks::Tasks;

impl Core {
    /// The tasks that the lease works on: its job's, or as a member of a round all of them by itself.
    pub fn tasks_of(&self, lease: Address) -> Option<&Tasks> {
        let entry = self.leases.get(&lease)?;
        let job = self.jobs.get(&entry.view.job)?;
        if job.is_counted() { entry.own_tasks.as_deref() } else { Some(&job.tasks) }
    }

    pub(crate) fn change_task<R>(
        &mut self,
        lease: Address,
        number: u32,
        change: impl FnOnce(&mut Task) -> R,
    ) -> Option<R> {
        let entry = self.leases.get_mut(&lease)?;
        let job = self.jobs.get_mut(&entry.view.job)?;
        let tasks = if job.is_counted() { entry.own_tasks.as_deref_mut()? } else { &mut job.tasks };
        tasks.change(number, change)
    }

    /// How often the job's task was handed out, to whichever member: logs are told apart by attempts.
    pub(in crate::decide) fn attempts(&self, job: Address, lease: Address, number: u32) -> u32 {
        let of = |tasks: Option<&Tasks>| tasks.and_then(|tasks| tasks.get(number)).map_or(0, |task| task.attempt);
        if !self.is_counted(job) {
            return of(self.tasks_of(lease));
        }
        self.leases_of(job).into_iter().map(|member| of(member.own_tasks())).max().unwrap_or(0)
    }

    /// The task, as the lease has it, is to be written down.
    pub(crate) fn touch_task_of(&mut self, lease: Address, number: u32) {
        let Some(job) = self.leases.get(&lease).map(|entry| entry.view.job) else { return };
        if self.is_counted(job) { self.touch_own_task(lease, number) } else { self.touch_task(job, number) }
    }

    /// A member of a round begins with nothing done.
    pub(in crate::decide) fn equip_members(&mut self, job: Address) {
        let Some(count) = self.jobs.get(&job).filter(|entry| entry.is_counted()).map(|entry| entry.tasks.len()) else {
            return;
        };
        for lease in self.open_leases_of(job) {
            if let Some(entry) = self.leases.get_mut(&lease).filter(|entry| entry.own_tasks.is_none() && count > 0) {
                entry.own_tasks = Some(Tasks::new(u32::try_from(count).unwrap_or(u32::MAX)).into());
            }
        }
    }

    /// Whether the member has a result: each of its tasks is done, or one of them failed for good.
    pub(super) fn has_result(&self, lease: Address) -> bool {
        self.tasks_of(lease).is_some_and(|tasks| tasks.all_done()) || self.failed_own_task(lease)
    }

    pub(crate) fn failed_own_task(&self, lease: Address) -> bool {
        self.tasks_of(lease).is_some_and(|tasks| tasks.iter().any(|task| task.state == TaskState::Failed))
    }
}
