use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::Seconds;
use millrace_testkit::protocol::voucher::{ExitClass, Voucher};
use millrace_testkit::{attestation, signature_check};

use crate::deeds::seldom::Seldom;
use crate::deeds::transaction;
use crate::market::Market;

/// The attestor itself signs whatever is wished for: what binds a voucher must be the chain.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Settle {
    lease: u8,
    /// Signed for this lease, where it differs.
    signed_for: Seldom<u8>,
    /// Signed by somebody who is not the lease's attestor.
    signed_by: Seldom<u8>,
    /// Sequences left out; at its largest the sequence is that of the last voucher again.
    sequences: u8,
    metered: Metered,
    downtime: Seldom<Metered>,
    is_final: bool,
    class: u8,
    result_root: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Metered {
    /// Every second that has passed.
    All,
    /// Eighths of the time that can be attested beyond the last voucher; nine are more than have passed.
    Eighths(u8),
    Seconds(u8),
    Any(u64),
}

impl Metered {
    fn beyond(self, last: u64, most: u64) -> u64 {
        match self {
            Self::All => most,
            Self::Eighths(eighths) => {
                last.saturating_add(most.saturating_sub(last).saturating_mul(u64::from(eighths % 10)) / 8)
            }
            Self::Seconds(seconds) => u64::from(seconds),
            Self::Any(seconds) => seconds,
        }
    }
}

impl Settle {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let lease = market.lease(self.lease, |lease, _| lease.state < 2)?;
        let signed_for = self
            .signed_for
            .0
            .and_then(|choice| market.lease(choice, |_, _| true))
            .map_or(lease.address, |other| other.address);
        let state = &market.ledger.leases[&lease.address];
        let passed = market.chain.now().0.saturating_sub(state.opened_at);
        let metered = self.metered.beyond(state.metered_seconds, passed.min(state.maximum_seconds));
        let left = passed.saturating_sub(metered);
        let downtime = self.downtime.0.map_or(state.downtime_seconds, |more| more.beyond(state.downtime_seconds, left));
        let sequence = match self.sequences {
            u8::MAX => state.sequence,
            left_out => state.sequence.saturating_add(u64::from(left_out) + 1),
        };
        let voucher = Voucher {
            is_final: self.is_final,
            exit_class: ExitClass::try_from(self.class % 4).unwrap_or_default(),
            downtime: Seconds(downtime),
            result_root: [self.result_root; 32],
            ..attestation(signed_for, sequence, Seconds(metered))
        };
        let attestor = self.signed_by.0.map_or(state.attestor, |choice| market.person(choice).address());
        let mut call = market.chain.settle(&lease, &voucher);
        call.before = vec![signature_check(&market.key(&attestor), &voucher)];
        Some(transaction(&call))
    }
}
