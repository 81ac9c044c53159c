use std::collections::HashSet;

use millrace_protocol::Address;
use millrace_scheduler::Forgotten;

use super::Driver;
use crate::store::Change;

impl Driver {
    /// Their rows are gone; what is left of them here goes as well.
    pub(super) fn forget(&mut self, changes: &[Change]) {
        let mut logs = Vec::new();
        for change in changes {
            let Change::Delete(Forgotten { job, opened_slot, leases, .. }) = change else { continue };
            tracing::debug!(%job, opened_slot, leases = leases.len(), "a job is forgotten");
            logs.push((*job, *opened_slot));
            if self.core.job(*job).is_none() {
                self.specs.remove(job);
            }
        }
        self.delete_logs(logs);
    }

    /// The process may have died between forgetting a job and deleting its logs.
    pub(super) fn delete_stray_logs(&mut self) {
        let known = self.core.jobs().flat_map(|(job, entry)| {
            let earlier = entry.story().earlier.iter().map(|earlier| earlier.opened_slot);
            earlier.chain([entry.view.opened_slot]).map(move |opened_slot| (job, opened_slot))
        });
        let known: HashSet<(Address, u64)> = known.collect();
        match self.logs.strays(&known) {
            Ok(strays) => self.delete_logs(strays),
            Err(error) => tracing::warn!(%error, "logs of jobs that are forgotten are not looked for"),
        }
    }

    fn delete_logs(&mut self, jobs: Vec<(Address, u64)>) {
        if jobs.is_empty() {
            return;
        }
        let logs = self.logs.clone();
        self.beside.spawn(async move {
            for job in jobs {
                if let Err(error) = logs.forget(job).await {
                    tracing::warn!(job = %job.0, %error, "the logs of a job are not deleted");
                }
            }
        });
    }
}
