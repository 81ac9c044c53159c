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
            // Another one may have come to its address meanwhile.
            if self.core.job(*job).is_none() {
                self.index.forget(*job);
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

#[cfg(test)]
mod tests {
    use millrace_protocol::UnixSeconds;
    use millrace_scheduler::{Action, Event, Now};
    use millrace_spec::Sha256;

    use super::super::index::JobIndex;
    use super::super::{Input, sample};
    use super::*;

    const JOB: Address = Address([1; 32]);

    async fn hear(driver: &mut Driver, input: Input) {
        let mut actions = Vec::new();
        driver.take(input, &mut actions);
        driver.carry_out(actions).await.unwrap();
    }

    /// The closed job has been kept for long enough.
    fn time_passes(driver: &mut Driver) -> Vec<Action> {
        let now = Now { chain: UnixSeconds(1_000_000), ..driver.clock.now() };
        driver.core.on_event(now, Event::Tick)
    }

    fn opened(opened_slot: u64) -> Event {
        let view = sample::view(opened_slot, Sha256([2; 32]), sample::terms());
        Event::JobSeen { job: JOB, view }
    }

    #[tokio::test]
    async fn a_job_that_is_forgotten_is_not_kept_in_the_index() {
        let (mut driver, _folder) = sample::driver(Vec::new()).await;
        hear(&mut driver, Input::Event(opened(1))).await;
        hear(&mut driver, Input::Reconciled).await;
        assert_ne!(driver.index, JobIndex::default(), "it is kept for its buyer");
        let forgotten = time_passes(&mut driver);
        driver.carry_out(forgotten).await.unwrap();
        assert_eq!(driver.index, JobIndex::default());
    }

    #[tokio::test]
    async fn another_job_that_comes_to_the_address_at_once_is_in_the_index() {
        let (mut driver, _folder) = sample::driver(Vec::new()).await;
        hear(&mut driver, Input::Event(opened(1))).await;
        hear(&mut driver, Input::Reconciled).await;
        let mut actions = time_passes(&mut driver);
        driver.feed(opened(2), &mut actions);
        driver.carry_out(actions).await.unwrap();
        assert_eq!(driver.index, JobIndex::of(&driver.core));
        assert_eq!(driver.index.of_buyer(&driver.core, sample::BUYER).count(), 1);
    }
}
