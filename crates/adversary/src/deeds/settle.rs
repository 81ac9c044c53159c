use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::attestation;
use millrace_testkit::protocol::Seconds;
use millrace_testkit::protocol::voucher::{ExitClass, Voucher};

use super::transaction;
use crate::market::Market;

/// The attestor itself signs whatever is wished for: what binds a voucher must be the chain.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Settle {
    lease: u8,
    /// Signed for this lease, where it differs.
    signed_for: Option<u8>,
    /// How far the sequence goes on.
    sequences: u8,
    metered: Metered,
    downtime: u16,
    is_final: bool,
    class: u8,
    result_root: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Metered {
    /// Eighths of the time since the lease was opened; nine are more than have passed.
    Eighths(u8),
    Seconds(u16),
    Any(u64),
}

impl Settle {
    pub fn call(self, market: &mut Market) -> Option<Vec<Instruction>> {
        let lease = market.lease(self.lease)?;
        let signed_for =
            self.signed_for.and_then(|choice| market.lease(choice)).map_or(lease.address, |other| other.address);
        let state = &market.ledger.leases[&lease.address];
        let passed = market.chain.now().0.saturating_sub(state.opened_at);
        let metered = match self.metered {
            Metered::Eighths(eighths) => passed.saturating_mul(u64::from(eighths % 10)) / 8,
            Metered::Seconds(seconds) => u64::from(seconds),
            Metered::Any(seconds) => seconds,
        };
        let voucher = Voucher {
            is_final: self.is_final,
            exit_class: ExitClass::try_from(self.class % 4).unwrap_or_default(),
            downtime: Seconds(u64::from(self.downtime)),
            result_root: [self.result_root; 32],
            ..attestation(signed_for, state.sequence.saturating_add(u64::from(self.sequences)), Seconds(metered))
        };
        Some(transaction(&market.chain.settle(&lease, &voucher)))
    }
}
