use millrace_protocol::Address;

use crate::state::job::SpecStatus;
use crate::{Action, Core, Now};

/// Milliseconds to wait for an answer before a spec is asked for again.
const SPEC_PATIENCE: u64 = 15_000;

impl Core {
    pub(super) fn fetch_spec(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get_mut(&job).filter(|entry| entry.outcome.is_none()) else { return };
        let SpecStatus::Wanted { again_at, .. } = &mut entry.spec else { return };
        if now.millis >= *again_at {
            *again_at = now.millis + SPEC_PATIENCE;
            let spec_hash = entry.view.spec_hash;
            self.push(Action::FetchSpec { job, spec_hash });
        }
    }
}
