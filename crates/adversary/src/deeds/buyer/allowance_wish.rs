use arbitrary::Arbitrary;
use millrace_testkit::program::types::AllowanceTerms;

use crate::deeds::amount::Amount;
use crate::market::Market;

/// Caps beside those that a few jobs need, and an expiry near or far.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct AllowanceWish {
    per_job: Amount,
    total: Amount,
    seconds: u32,
}

impl AllowanceWish {
    pub fn of(self, market: &Market) -> AllowanceTerms {
        let usual = 50_000_000;
        AllowanceTerms {
            per_job: self.per_job.of(usual),
            total: self.total.of(usual),
            expires_at: market.chain.now().0 + u64::from(self.seconds),
        }
    }
}
