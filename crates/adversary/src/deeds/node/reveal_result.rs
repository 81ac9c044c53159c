use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::{LeaseHandle, commitment};

use crate::deeds::seldom::Seldom;
use crate::deeds::{ROOTS, SALT, transaction};
use crate::market::Market;

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct RevealResult {
    lease: u8,
    /// Another root than the one that was committed to.
    other: Seldom<u8>,
}

impl RevealResult {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let lease = market.lease(self.lease, |_, job| job.quorum_open != 0)?;
        let root = self.other.0.or_else(|| committed(market, &lease)).unwrap_or_default();
        Some(transaction(&market.chain.reveal_result(&lease, [root; 32], SALT)))
    }
}

/// The root that the lease's node has committed to, which it knows.
fn committed(market: &Market, lease: &LeaseHandle) -> Option<u8> {
    let members = market.ledger.quorums.values().flat_map(|round| &round.members);
    let hidden = members.filter(|member| member.lease == lease.address).map(|member| member.hash).next()?;
    (0..ROOTS).find(|root| commitment(lease, [*root; 32], SALT) == hidden)
}
