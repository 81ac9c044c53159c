use std::collections::HashSet;

use millrace_scheduler::{LeaseEntry, Tasks};
use millrace_spec::Sha256;

use super::Driver;

impl Driver {
    /// Manifests that a task may begin with or show, and whatever else a job refers to: its spec, its inputs, its outputs.
    pub(crate) fn needed_objects(&self) -> (HashSet<Sha256>, HashSet<Sha256>) {
        let (mut live, mut referred) = (HashSet::new(), HashSet::new());
        for (job, entry) in self.core.jobs() {
            referred.insert(entry.view.spec_hash);
            for run in entry.story().findings.iter().flat_map(|finding| [&finding.first, &finding.second]) {
                referred.extend(run.outputs.iter().map(|output| output.object.sha256));
            }
            // What members of a round make is their own until it is counted.
            let members = if entry.on_chain && entry.is_counted() { self.core.leases_of(job) } else { Vec::new() };
            let own = members.into_iter().filter_map(LeaseEntry::own_tasks).flat_map(Tasks::iter);
            for task in entry.tasks.iter().chain(own) {
                referred.extend(task.outputs.iter().map(|output| output.object.sha256));
                let brought = task.checkpoint.iter().chain(&task.early_outputs);
                live.extend(brought.filter(|_| entry.on_chain).map(|made| made.manifest.sha256));
            }
        }
        for spec in self.specs.values() {
            referred.extend(spec.spec.inputs.values().map(|object| object.sha256));
        }
        (live, referred)
    }
}
