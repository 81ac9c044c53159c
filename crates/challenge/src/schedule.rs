//! Which tiles are multiplied with which.
//!
//! The tiles are two halves. Pass 0 multiplies each tile of the first half by one of the second, pass 1
//! each of the second half by one of the first, and so on, in place: the half that is read does not
//! change, so a pass is parallel, and all of the memory holds what later passes need. Partners are
//! drawn from the seed: there is no block of tiles that depends on few others.

use crate::challenge::{Challenge, Tiles};
use crate::stream::Key;
use crate::tile::{Vectors, seed_times};

/// Passes over half of the tiles each. A tile of the first half is then a product of 13 seed tiles, one
/// of the second of 21, at the price of three multiplications a tile.
pub const PASSES: u32 = 6;

/// What multiplies with what in one challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub key: Key,
    pub tiles: Tiles,
}

impl Schedule {
    pub fn new(challenge: &Challenge) -> Self {
        Self { key: challenge.key(), tiles: challenge.tiles }
    }

    /// The first tile that a pass multiplies; as many as half of all follow.
    pub fn first(&self, pass: u32) -> u32 {
        if pass.is_multiple_of(2) { 0 } else { self.tiles.half() }
    }

    /// The partner of each tile that a pass multiplies, in order.
    pub fn partners(&self, pass: u32) -> Vec<u32> {
        let mut words = self.key.stream(1 + u64::from(pass), 0);
        (0..self.tiles.half()).map(|_| self.pick(pass, words.next_wide())).collect()
    }

    fn partner(&self, pass: u32, position: u32) -> u32 {
        self.pick(pass, self.key.stream(1 + u64::from(pass), u64::from(position) * 2).next_wide())
    }

    fn pick(&self, pass: u32, wide: u64) -> u32 {
        self.first(pass + 1) + (wide % u64::from(self.tiles.half())) as u32
    }

    /// What a tile is after all passes, times vectors: Freivalds' trick over the whole product. One
    /// multiplication of a matrix with vectors per seed tile, none of two matrices.
    pub fn tile_times(&self, tile: u32, vectors: &Vectors) -> Vectors {
        self.before(PASSES, tile, vectors)
    }

    /// The same before `pass`.
    fn before(&self, pass: u32, tile: u32, vectors: &Vectors) -> Vectors {
        let own_half = u32::from(tile >= self.tiles.half());
        let Some(last) = (0..pass).rev().find(|pass| pass % 2 == own_half) else {
            return seed_times(&self.key, tile, vectors);
        };
        let partner = self.partner(last, tile - self.first(last));
        self.before(last, tile, &self.before(last, partner, vectors))
    }
}
