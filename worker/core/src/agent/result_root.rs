use std::collections::BTreeMap;

use millrace_protocol::Address;
use millrace_spec::Sha256;
use millrace_spec::merkle::{self, Leaf};

use crate::{Agent, Outcome, Output};

impl Agent {
    /// Merkle root over the outputs of the lease's finished tasks. Of several attempts at a task
    /// under one lease the last finished one counts.
    pub(crate) fn result_root(&self, lease: Address) -> Sha256 {
        let counted = self.leases.get(&lease).is_some_and(|lease| lease.salt.is_some());
        if counted && self.has_failed(lease) {
            return merkle::failed();
        }
        let mut finished: BTreeMap<u32, &[Output]> = BTreeMap::new();
        for task in self.tasks.values().filter(|task| task.key().lease == lease) {
            if let Some(Outcome::Done(outputs)) = task.outcome() {
                finished.insert(task.key().task, outputs);
            }
        }
        let leaves = finished.iter().flat_map(|(task, outputs)| {
            outputs.iter().map(|output| Leaf { task: *task, path: output.path.clone(), object: output.object })
        });
        merkle::root(leaves.collect())
    }

    /// Whether the last attempt of a task failed.
    fn has_failed(&self, lease: Address) -> bool {
        let mut last: BTreeMap<u32, (u32, bool)> = BTreeMap::new();
        for task in self.tasks.values().filter(|task| task.key().lease == lease) {
            let (key, failed) = (task.key(), matches!(task.outcome(), Some(Outcome::Failed(_))));
            let newest = last.entry(key.task).or_default();
            *newest = (*newest).max((key.attempt, failed));
        }
        last.values().any(|(_, failed)| *failed)
    }
}
