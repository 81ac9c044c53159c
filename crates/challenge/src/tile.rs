//! A tile: a square matrix, the unit that is multiplied, hashed and opened.

use sha2::{Digest as _, Sha256};

use crate::field::{MODULUS, PRODUCTS, fold, from_bits, reduce};
use crate::merkle::Digest;
use crate::stream::Key;

/// Rows and columns.
pub const SIDE: usize = 128;
/// Words of a tile, row by row.
pub const WORDS: usize = SIDE * SIDE;
/// Bytes of a tile: 64 KiB.
pub const BYTES: u64 = WORDS as u64 * 4;
/// Vectors that Freivalds' check multiplies with at the same time.
pub const VECTORS: usize = 2;

/// A row's words are those of eight blocks side by side.
const LANES: usize = SIDE / 16;
/// The stream that seed tiles are drawn from; partners have the streams from 1 on.
const SEED_STREAM: u64 = 0;

/// Two columns of a tile's height.
pub type Vectors = [[u32; VECTORS]; SIDE];

/// One row of a seed tile.
fn seed_row(key: &Key, tile: u32, row: usize) -> [u32; SIDE] {
    let counter = u64::from(tile) * (WORDS / 16) as u64 + (row * LANES) as u64;
    let blocks = key.blocks::<LANES>(SEED_STREAM, counter);
    std::array::from_fn(|column| from_bits(blocks[column % 16][column / 16]))
}

/// The tile as the challenge draws it.
pub fn seed(key: &Key, tile: u32) -> Vec<u32> {
    (0..SIDE).flat_map(|row| seed_row(key, tile, row)).collect()
}

/// Seed tile times vectors, without keeping the tile.
pub fn seed_times(key: &Key, tile: u32, vectors: &Vectors) -> Vectors {
    std::array::from_fn(|row| row_times(&seed_row(key, tile, row), vectors))
}

/// Tile times vectors.
pub fn times(tile: &[u32], vectors: &Vectors) -> Vectors {
    let mut product = [[0; VECTORS]; SIDE];
    for (out, row) in product.iter_mut().zip(tile.chunks_exact(SIDE)) {
        *out = row_times(row, vectors);
    }
    product
}

fn row_times(row: &[u32], vectors: &Vectors) -> [u32; VECTORS] {
    let mut sums = [0u64; VECTORS];
    for (words, vectors) in row.chunks(PRODUCTS).zip(vectors.chunks(PRODUCTS)) {
        for (word, vector) in words.iter().zip(vectors) {
            for (sum, value) in sums.iter_mut().zip(vector) {
                *sum += u64::from(*word) * u64::from(*value);
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
                *sum += u64::from(*word) * u64::from(*value);
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
    let mut vectors = [[0; VECTORS]; SIDE];
    let mut words = (0..).flat_map(|counter| secret.blocks::<1>(u64::from(tile), counter)).map(|[word]| word);
    for (value, word) in vectors.iter_mut().flatten().zip(&mut words) {
        *value = from_bits(word);
    }
    vectors
}
