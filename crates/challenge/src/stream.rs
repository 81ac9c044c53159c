//! ChaCha with eight rounds: 32 bits for any position without those before it. A linear generator
//! would not do: matrices of its words have a low rank, and products of those are cheap.

use sha2::{Digest as _, Sha256};

const CONSTANT: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
const DOUBLE_ROUNDS: usize = 4;

/// What words are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub [u32; 8]);

impl Key {
    /// From a hash or from 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        }
        Self(words)
    }

    /// From parts whose lengths are fixed or hashed along.
    pub fn from_parts(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self::from_bytes(hash.finalize().into())
    }

    /// Sixteen words of each of `LANES` blocks: word `w` of block `counter + l` is at `[w][l]`.
    pub fn blocks<const LANES: usize>(&self, stream: u64, counter: u64) -> [[u32; LANES]; 16] {
        let mut start = [[0; LANES]; 16];
        let fixed = CONSTANT.iter().chain(&self.0);
        for (row, word) in start.iter_mut().zip(fixed) {
            *row = [*word; LANES];
        }
        start[14] = [stream as u32; LANES];
        start[15] = [(stream >> 32) as u32; LANES];
        let counters: [u64; LANES] = std::array::from_fn(|lane| counter.wrapping_add(lane as u64));
        start[12] = counters.map(|counter| counter as u32);
        start[13] = counters.map(|counter| (counter >> 32) as u32);
        let mut state = start;
        for _ in 0..DOUBLE_ROUNDS {
            for column in 0..4 {
                quarter(&mut state, [column, column + 4, column + 8, column + 12]);
            }
            for column in 0..4 {
                quarter(&mut state, [column, (column + 1) % 4 + 4, (column + 2) % 4 + 8, (column + 3) % 4 + 12]);
            }
        }
        for (row, start) in state.iter_mut().zip(&start) {
            for (word, start) in row.iter_mut().zip(start) {
                *word = word.wrapping_add(*start);
            }
        }
        state
    }
}

fn quarter<const LANES: usize>(state: &mut [[u32; LANES]; 16], [a, b, c, d]: [usize; 4]) {
    for (to, from, target, by) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
        let added = state[from];
        for (word, added) in state[to].iter_mut().zip(added) {
            *word = word.wrapping_add(added);
        }
        let mixed = state[to];
        for (word, mixed) in state[target].iter_mut().zip(mixed) {
            *word = (*word ^ mixed).rotate_left(by);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    use super::*;

    #[test]
    fn words_are_those_of_an_independent_chacha8() {
        let seed: [u8; 32] = std::array::from_fn(|index| index as u8 * 7 + 1);
        for (stream, counter) in [(0, 0), (1, 5), (u64::MAX, 1 << 33)] {
            let mut other = ChaCha8Rng::from_seed(seed);
            other.set_stream(stream);
            other.set_word_pos(u128::from(counter) * 16);
            let own = Key::from_bytes(seed).blocks::<2>(stream, counter);
            for lane in 0..2 {
                for row in &own {
                    assert_eq!(row[lane], other.next_u32(), "stream {stream}, block {counter}, lane {lane}");
                }
            }
        }
    }
}
