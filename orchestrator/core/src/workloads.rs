use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Workload;

/// Every workload that a job which is kept asks for, once however many do, and how many do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workloads(BTreeMap<Arc<Workload>, u32>);

impl Workloads {
    /// The one that is equal, for one job more.
    pub(crate) fn share(&mut self, workload: Arc<Workload>) -> Arc<Workload> {
        let known = self.0.get_key_value(&workload).map(|(known, _)| known.clone());
        let shared = known.unwrap_or(workload);
        *self.0.entry(shared.clone()).or_default() += 1;
        shared
    }

    /// One job less asks for it.
    pub(crate) fn release(&mut self, workload: &Arc<Workload>) {
        let Some(users) = self.0.get_mut(workload) else { return };
        *users -= 1;
        if *users == 0 {
            self.0.remove(workload);
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
