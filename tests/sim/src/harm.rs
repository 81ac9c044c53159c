//! What went wrong in a run and was felt: a fault that is drawn and does nothing shows nothing. So each is noted
//! where it is felt, which is seldom where it is drawn.

use std::collections::BTreeMap;

/// By what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Harm {
    MessageLost,
    MessageDoubled,
    /// Or early: out of its turn.
    MessageLate,
    /// For a partition, or a worker that hangs.
    MessageHeldUp,
    TransactionLost,
    TransactionDoubled,
    /// By a fork.
    TransactionTakenBack,
    /// For longer than a minute.
    PullSlow,
    PullFailed,
    SlotMissed,
    ClockLagging,
    ChainSilent,
    DiskSlow,
}

impl Harm {
    pub const ALL: [Self; 13] = [
        Self::MessageLost,
        Self::MessageDoubled,
        Self::MessageLate,
        Self::MessageHeldUp,
        Self::TransactionLost,
        Self::TransactionDoubled,
        Self::TransactionTakenBack,
        Self::PullSlow,
        Self::PullFailed,
        Self::SlotMissed,
        Self::ClockLagging,
        Self::ChainSilent,
        Self::DiskSlow,
    ];
}

/// How often each was felt.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Harms(BTreeMap<Harm, u64>);

impl Harms {
    pub fn note(&mut self, harm: Harm) {
        self.add(harm, 1);
    }

    pub fn add(&mut self, harm: Harm, times: u64) {
        *self.0.entry(harm).or_default() += times;
    }

    pub fn join(&mut self, others: &Self) {
        others.0.iter().for_each(|(harm, times)| self.add(*harm, *times));
    }

    pub fn times(&self, harm: Harm) -> u64 {
        self.0.get(&harm).copied().unwrap_or_default()
    }
}
