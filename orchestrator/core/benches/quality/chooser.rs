use millrace_protocol::Address;

use crate::dice::Dice;

/// Who says on which of the nodes that fit a lease is opened. When, for which job and how long is the core's
/// decision in all cases.
pub enum Chooser {
    /// The core itself.
    Scheduler,
    /// The first in the order of the market.
    FirstFit,
    Random(Dice),
}

impl Chooser {
    pub fn trusts_the_core(&self) -> bool {
        matches!(self, Self::Scheduler)
    }

    /// `fitting` has at least one, or the core is trusted.
    pub fn choose(&mut self, offered: Address, fitting: &[Address]) -> Address {
        match self {
            Self::Scheduler => offered,
            Self::FirstFit => fitting[0],
            Self::Random(dice) => fitting[usize::try_from(dice.roll(fitting.len() as u64)).expect("few")],
        }
    }
}
