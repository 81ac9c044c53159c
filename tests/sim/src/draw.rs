//! The one source of chance.

use std::ops::RangeInclusive;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A generator whose stream does not change with versions or machines.
pub struct Draw(ChaCha8Rng);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.gen_range(range)
    }

    pub fn below(&mut self, count: usize) -> usize {
        self.0.gen_range(0..count.max(1) as u64) as usize
    }

    /// True this often of a thousand times.
    pub fn permille(&mut self, share: u32) -> bool {
        share > 0 && self.0.gen_range(0..1_000u32) < share
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}
