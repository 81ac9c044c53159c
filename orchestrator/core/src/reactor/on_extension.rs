use millrace_protocol::Address;

use crate::backoff::Backoff;
use crate::event::OpenFailure;
use crate::state::lease::Extension;
use crate::{Core, Now};

/// After a refusal: a rig that drains, or whose owner lets no lease run so long, says the same a moment later.
const AFTER_REFUSAL: Backoff = Backoff { first: 60_000, longest: 900_000 };
/// After silence, or a transaction that did not land: short, because the lease ends meanwhile.
const AFTER_FAILURE: Backoff = Backoff { first: 5_000, longest: 60_000 };
/// Milliseconds for the chain's new state to be read after a confirmed transaction.
const CATCH_UP: u64 = 5_000;

impl Core {
    pub(crate) fn on_extension_failed(&mut self, now: Now, lease: Address, failure: &OpenFailure) {
        match failure {
            OpenFailure::Refused(_) => self.put_extension_off(now, lease, AFTER_REFUSAL),
            OpenFailure::Unanswered => self.put_extension_off(now, lease, AFTER_FAILURE),
        }
    }

    pub(crate) fn on_lease_not_extended(&mut self, now: Now, lease: Address) {
        self.put_extension_off(now, lease, AFTER_FAILURE);
    }

    pub(crate) fn on_lease_extended(&mut self, now: Now, lease: Address) {
        if let Some(entry) = self.leases.get_mut(&lease) {
            entry.extension = Extension { again_at: now.millis + CATCH_UP, ..Extension::default() };
        }
    }

    fn put_extension_off(&mut self, now: Now, lease: Address, backoff: Backoff) {
        // An answer may be to a question of before a restart, or of a lease that is forgotten.
        let asked = |entry: &&mut crate::LeaseEntry| entry.extension.under_way.is_some();
        let Some(entry) = self.leases.get_mut(&lease).filter(asked) else { return };
        let failures = entry.extension.failures;
        let again_at = now.millis + backoff.after(failures);
        entry.extension = Extension { under_way: None, again_at, failures: failures.saturating_add(1) };
    }
}
