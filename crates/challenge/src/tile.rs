//! A tile: a square matrix, the unit that is multiplied, hashed and opened.

use sha2::{Digest as _, Sha256};

use crate::field::{MODULUS, PRODUCTS, fold, from_bits, reduce};
use crate::merkle::Digest;
use crate::stream::{Key, Words};

/// Rows and columns.
pub const SIDE: usize = 128;
/// Words of a tile, row by row.
pub const WORDS: usize = SIDE * SIDE;
/// Bytes of a tile: 64 KiB.
pub const BYTES: u64 = WORDS as u64 * 4;
/// Vectors that Freivalds' check multiplies with at the same time.
pub const VECTORS: usize = 2;

/// The stream that seed tiles are drawn from; partners have the streams from 1 on.
const SEED_STREAM: u64 = 0;

/// Two columns of a tile's height.
pub type Vectors = [[u32; VECTORS]; SIDE];

fn seed_words(key: &Key, tile: u32) -> Words {
    key.stream(SEED_STREAM, u64::from(tile) * WORDS as u64)
}

fn row_of(words: &mut Words) -> [u32; SIDE] {
    std::array::from_fn(|_| from_bits(words.next()))
}

/// The tile as the challenge draws it.
pub fn seed(key: &Key, tile: u32) -> Vec<u32> {
    let mut words = seed_words(key, tile);
    (0..WORDS).map(|_| from_bits(words.next())).collect()
}

/// Seed tile times vectors, without keeping the tile.
pub fn seed_times(key: &Key, tile: u32, vectors: &Vectors) -> Vectors {
    let mut words = seed_words(key, tile);
    std::array::from_fn(|_| row_times(&row_of(&mut words), vectors))
}

/// Tile times vectors.
pub fn times(tile: &[u32], vectors: &Vectors) -> Vectors {
    let mut product = [[0; VECTORS]; SIDE];
    for (out, row) in product.iter_mut().zip(tile.chunks_exact(SIDE)) {
        *out = row_times(row, vectors);
    }
    product
}

/// Never wraps: [`PRODUCTS`] of them fit beside a folded sum. A check at each would be half of the time.
#[inline(always)]
fn add_product(sum: u64, left: u32, right: u32) -> u64 {
    sum.wrapping_add(u64::from(left).wrapping_mul(u64::from(right)))
}

fn row_times(row: &[u32], vectors: &Vectors) -> [u32; VECTORS] {
    let mut sums = [0u64; VECTORS];
    for (words, vectors) in row.chunks(PRODUCTS).zip(vectors.chunks(PRODUCTS)) {
        for (word, vector) in words.iter().zip(vectors) {
            for (sum, value) in sums.iter_mut().zip(vector) {
                *sum = add_product(*sum, *word, *value);
            }
        }
        sums = sums.map(fold);
    }
    sums.map(reduce)
}

/// The product of two tiles of canonical words.
pub fn product(left: &[u32], right: &[u32]) -> Vec<u32> {
    left.chunks_exact(SIDE).flat_map(|row| row_product(row, right)).collect()
}

fn row_product(row: &[u32], right: &[u32]) -> [u32; SIDE] {
    let mut sums = [0u64; SIDE];
    for (words, lines) in row.chunks(PRODUCTS).zip(right.chunks(PRODUCTS * SIDE)) {
        for (word, line) in words.iter().zip(lines.chunks_exact(SIDE)) {
            for (sum, value) in sums.iter_mut().zip(line) {
                *sum = add_product(*sum, *word, *value);
            }
        }
        sums = sums.map(fold);
    }
    sums.map(reduce)
}

/// Whether every word is canonical, and there are as many as a tile has.
pub fn is_canonical(tile: &[u32]) -> bool {
    tile.len() == WORDS && tile.iter().all(|word| *word < MODULUS)
}

/// SHA-256 of the words, each with its highest byte first: as a GPU reads them.
pub fn digest(tile: &[u32]) -> Digest {
    let bytes: Vec<u8> = tile.iter().flat_map(|word| word.to_be_bytes()).collect();
    Sha256::digest(bytes).into()
}

/// Vectors out of a secret, others for each tile.
pub fn vectors(secret: &Key, tile: u32) -> Vectors {
    let mut words = secret.stream(u64::from(tile), 0);
    std::array::from_fn(|_| std::array::from_fn(|_| from_bits(words.next())))
}
