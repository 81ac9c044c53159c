use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Workload;

/// Every workload that was ever asked for, once however many jobs ask for it. A job's story stays, and so does its
/// workload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workloads(BTreeSet<Arc<Workload>>);

impl Workloads {
    /// The one that is equal.
    pub(crate) fn share(&mut self, workload: Arc<Workload>) -> Arc<Workload> {
        if let Some(known) = self.0.get(&workload) {
            return known.clone();
        }
        self.0.insert(workload.clone());
        workload
    }
}
