use millrace_protocol::Address;

use crate::dice::Dice;

/// Who says on which of the nodes that fit a lease is opened. When, for which job and how long is the core's
/// decision in all cases, and so are the nodes of a gang.
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

    /// `fitting` has at least one, and only the core's own choice where that is trusted.
    pub fn choose(&mut self, fitting: &[Address]) -> Address {
        match self {
            Self::Scheduler | Self::FirstFit => fitting[0],
            Self::Random(dice) => fitting[usize::try_from(dice.roll(fitting.len() as u64)).expect("few")],
        }
    }
}
