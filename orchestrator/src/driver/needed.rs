use millrace_scheduler::{LeaseEntry, Tasks};

use super::Driver;
use crate::objects::Needed;

impl Driver {
    /// What jobs refer to: specs, with their inputs as long as the job is on chain, outputs, and what was brought away of
    /// tasks that still run. To be asked when every account on chain has been seen: of jobs that nobody knows of yet all
    /// would be missing.
    pub(crate) fn needed_objects(&self) -> Needed {
        let Needed { mut specs, mut manifests, mut others } = Needed::default();
        for (job, entry) in self.core.jobs() {
            let of_spec = if entry.on_chain { &mut specs } else { &mut others };
            of_spec.insert(entry.view.spec_hash);
            for run in entry.story().findings.iter().flat_map(|finding| [&finding.first, &finding.second]) {
                others.extend(run.outputs.iter().map(|output| output.object.sha256));
            }
            // What members of a round make is their own until it is counted.
            let members = if entry.on_chain && entry.is_counted() { self.core.leases_of(job) } else { Vec::new() };
            let own = members.into_iter().filter_map(LeaseEntry::own_tasks).flat_map(Tasks::iter);
            for task in entry.tasks.iter().chain(own) {
                others.extend(task.outputs.iter().map(|output| output.object.sha256));
                let brought = task.checkpoint.iter().chain(&task.early_outputs);
                manifests.extend(brought.filter(|_| entry.on_chain).map(|made| made.manifest.sha256));
            }
        }
        Needed { specs, manifests, others }
    }
}

#[cfg(test)]
mod tests;
