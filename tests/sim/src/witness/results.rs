//! What came of the work: every result is the one that doing the task makes, and is there; and what the
//! scheduler says was paid is what was paid.

use millrace_protocol::Address;
use millrace_scheduler::{JobEntry, TaskState};

use crate::name;
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
            if output.object != right || !self.objects.contains(&right.sha256) {
                return Err(format!(
                    "task {number} of {} is done and its output is not what it makes",
                    name::short(job)
                ));
            }
        }
        Ok(())
    }

    /// What people are told of each lease is what the chain has paid for it.
    pub(super) fn check_bookings(&self) -> Result<(), String> {
        let Some(core) = self.orchestrator.core() else { return Ok(()) };
        for (lease, paid) in self.witness.receipts.paid(&self.chain.confirmed) {
            let Some(entry) = core.lease(lease) else {
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
