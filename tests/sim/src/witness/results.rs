//! What came of the work: every result is the one that doing the task makes, and is there, but for what a cheat made
//! and no honest rig made again; who is found to have another result than others, or had to be compared with one, is a
//! cheat; and what the scheduler says was paid is what was paid.

use millrace_protocol::Address;
use millrace_scheduler::{CheckState, JobEntry, Run, TaskState};

use crate::name;
use crate::scenario::Character;
use crate::simulation::Simulation;

impl Simulation {
    pub(super) fn check_results(&self, job: Address, entry: &JobEntry) -> Result<(), String> {
        for (task, number) in entry.tasks.iter().zip(0u32..) {
            if !matches!(task.state, TaskState::Done { .. }) {
                continue;
            }
            let right = crate::rig::result(job, number);
            let [output] = task.outputs.as_slice() else {
                return Err(format!(
                    "task {number} of {} is done and has {} outputs",
                    name::short(job),
                    task.outputs.len()
                ));
            };
            let cheap = crate::rig::cheap_result(job, number);
            if output.object == cheap && self.is_cheats(task.lease) {
                let check = task.check.as_deref().map(|check| check.state);
                if let Some(CheckState::Equal { .. }) = check {
                    return Err(format!("task {number} of {} was compared and its lie not found", name::short(job)));
                }
                continue;
            }
            if output.object != right || !self.objects.contains(&right.sha256) {
                return Err(format!(
                    "task {number} of {} is done and its output is not what it makes",
                    name::short(job)
                ));
            }
        }
        let honest = |run: &Run| !self.is_cheats(Some(run.lease));
        for found in &entry.story().findings {
            if found.first.root == found.second.root || honest(&found.first) == honest(&found.second) {
                return Err(format!("a finding about task {} of {} is none", found.task, name::short(job)));
            }
        }
        Ok(())
    }

    fn is_cheats(&self, lease: Option<Address>) -> bool {
        let entry = lease.and_then(|lease| self.known_lease(lease));
        entry.is_some_and(|entry| self.character(name::number(entry.view.node)) == Character::Cheat)
    }

    /// What people are told of each lease is what the chain has paid for it.
    pub(super) fn check_bookings(&self) -> Result<(), String> {
        for (lease, paid) in self.witness.receipts.paid(&self.chain.confirmed) {
            let Some(entry) = self.known_lease(lease) else {
                return Err(format!("{} was on chain and the scheduler never saw it", name::short(lease)));
            };
            if entry.view.lease.paid != paid {
                let told = entry.view.lease.paid;
                return Err(format!("{} was paid {paid} and the scheduler says {told}", name::short(lease)));
            }
        }
        Ok(())
    }
}
