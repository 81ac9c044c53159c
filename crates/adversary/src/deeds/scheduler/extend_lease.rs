use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::Seconds;

use crate::deeds::amount::Amount;
use crate::deeds::transaction;
use crate::market::Market;

/// By the scheduler, or by the buyer.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct ExtendLease {
    lease: u8,
    by_buyer: bool,
    seconds: Amount,
}

impl ExtendLease {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let lease = market.lease(self.lease, |lease, job| {
            lease.state < 2 && job.quorum_open == 0 && lease.maximum_seconds < job.terms.lease_seconds
        })?;
        let longest = market.ledger.jobs[&lease.job.address].terms.lease_seconds;
        let left = longest.saturating_sub(market.ledger.leases[&lease.address].maximum_seconds);
        let mut call = market.chain.extend_lease(&lease, Seconds(self.seconds.of(left)));
        if self.by_buyer {
            call.accounts.authority = lease.job.buyer.address();
        }
        Some(transaction(&call))
    }
}
