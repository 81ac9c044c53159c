use millrace_protocol::Address;

use super::SILENCE;
use crate::state::task::{Task, TaskState};
use crate::{Core, Now};

/// What is the matter with one member.
enum Member {
    Well,
    /// Its worker never heard of the task.
    NotStarted(Address),
    Lost,
}

impl Core {
    /// A gang at work: a member that is lost ends the attempt of all.
    pub(super) fn keep_together(&mut self, now: Now, job: Address, leases: &[Address]) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let restarts = &entry.story().restarts;
        let members = entry.tasks.iter().zip(0u32..).map(|(task, number)| {
            // It failed before its container ran, and is to wait: the others wait with it, for nothing.
            let rests = task.state == TaskState::Pending && restarts.rests(number, now.millis);
            (number, if rests { Member::Lost } else { self.member(now, task, leases) })
        });
        let mut again = Vec::new();
        let mut lost = false;
        for (number, member) in members {
            match member {
                Member::Well => {}
                Member::NotStarted(lease) => again.push((number, lease)),
                Member::Lost => lost = true,
            }
        }
        if lost {
            return self.disband(now, job);
        }
        let node = |task: &Task| task.lease.and_then(|lease| self.leases.get(&lease)).map(|lease| lease.view.node);
        let peers: Vec<Address> = entry.tasks.iter().filter_map(node).collect();
        for (number, lease) in again {
            self.assign(job, lease, number, peers.clone());
        }
    }

    fn member(&self, now: Now, task: &Task, leases: &[Address]) -> Member {
        if task.state != TaskState::Pending {
            return Member::Well;
        }
        // Before its first hand-out a gang is together, or it is not this scheduler that brought it so far.
        let Some(lease) = task.lease.filter(|lease| leases.contains(lease)) else { return Member::Lost };
        let Some(entry) = self.leases.get(&lease) else { return Member::Lost };
        let node = entry.view.node;
        if entry.silenced {
            return if self.is_unheard(now, entry, SILENCE) { Member::Lost } else { Member::Well };
        }
        match entry.meter.started() {
            false if self.is_live(now, node) => Member::NotStarted(lease),
            false => Member::Well,
            true => Member::Lost,
        }
    }

    /// Between two attempts: what some members have finished is to be done again with the others.
    pub(super) fn begin_anew(&mut self, job: Address) {
        // Until its lease is settled a result is a part of that lease's report.
        if self.open_leases.of_job(job).any(|lease| self.leases[&lease].is_live()) {
            return;
        }
        let Some(entry) = self.jobs.get(&job).filter(|entry| !entry.all_done()) else { return };
        let done: Vec<u32> = (0u32..)
            .zip(entry.tasks.iter())
            .filter(|(_, task)| matches!(task.state, TaskState::Done { .. }))
            .map(|(number, _)| number)
            .collect();
        self.redo_tasks(job, &done);
    }
}
