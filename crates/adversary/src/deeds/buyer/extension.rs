use arbitrary::Arbitrary;
use millrace_testkit::program::ExtendJobArgs;

use crate::deeds::amount::Amount;

/// What is added to a job.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Extension {
    deposit: Amount,
    lease_seconds: u16,
    start_window: u16,
}

impl Extension {
    pub fn args(self) -> ExtendJobArgs {
        ExtendJobArgs {
            deposit: self.deposit.of(10_000_000),
            lease_seconds: self.lease_seconds.into(),
            start_window: self.start_window.into(),
        }
    }
}
