//! ChaCha with eight rounds: words for any position without those before it. A linear generator would
//! not do: matrices of its words have a low rank, and products of those are cheap.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest as _, Sha256};

/// What words are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// From a hash or from 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// From parts whose lengths are fixed or hashed along.
    pub(crate) fn from_parts(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// As ChaCha takes it: eight words, each with its lowest byte first.
    pub fn words(&self) -> [u32; 8] {
        std::array::from_fn(|word| (0..4).rev().fold(0, |value, byte| value << 8 | u32::from(self.0[word * 4 + byte])))
    }

    /// The words of one of many streams, from a position on.
    pub(crate) fn stream(&self, stream: u64, position: u64) -> Words {
        let mut generator = ChaCha8Rng::from_seed(self.0);
        generator.set_stream(stream);
        generator.set_word_pos(u128::from(position));
        Words(generator)
    }
}

/// Random words, one after the other.
pub(crate) struct Words(ChaCha8Rng);

impl Words {
    pub fn next(&mut self) -> u32 {
        self.0.next_u32()
    }

    pub fn next_wide(&mut self) -> u64 {
        u64::from(self.next()) << 32 | u64::from(self.next())
    }
}
