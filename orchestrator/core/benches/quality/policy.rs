use millrace_scheduler::Weights;

use crate::chooser::Chooser;
use crate::dice::Dice;
use crate::shape::Shape;
use crate::value::broken;
use crate::world::{Run, live};

/// Who chooses the nodes, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Scheduler,
    FirstFit,
    Random,
}

impl Policy {
    pub const ALL: [Self; 3] = [Self::Scheduler, Self::FirstFit, Self::Random];

    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::FirstFit => "first fit",
            Self::Random => "random",
        }
    }

    /// Lives the shape through; the seed is what a random choice comes from.
    pub fn live(self, shape: &Shape, seed: u64) -> Run {
        let chooser = match self {
            Self::Scheduler => Chooser::Scheduler,
            Self::FirstFit => Chooser::FirstFit,
            Self::Random => Chooser::Random(Dice(seed)),
        };
        let run = live(shape, Weights::default(), chooser);
        if let Some(rule) = broken(shape, &run.stints) {
            panic!("{}: {rule}", self.name());
        }
        run
    }
}
