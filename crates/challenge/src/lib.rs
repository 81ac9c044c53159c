//! Shows that a GPU has the memory and the arithmetic it is sold with; `docs/gpu-challenge.md` says
//! what that proves and what it does not.
//!
//! The verifier sends a [`Challenge`]. The rig fills the GPU's memory with matrices drawn from the
//! challenge's seed, multiplies them with each other in a number of passes, and answers with the root
//! of a Merkle tree over all of them. The verifier then names a few of the matrices; the rig opens
//! them, and [`Committed::verify`] holds each against the product of seed matrices it must be, by
//! Freivalds' check, in milliseconds on one CPU core.
//!
//! Everything is exact arithmetic modulo [`field::MODULUS`]. Whoever calls brings the time and the
//! randomness. [`prove::Prover`] runs the same steps on whatever implements [`Device`]: a GPU, or
//! [`Cpu`], which says that it is none.

mod challenge;
mod cpu;
mod device;
mod merkle;
mod refusal;
mod schedule;
mod verify;

pub mod field;
pub mod prove;
pub mod stream;
pub mod tile;

pub use challenge::{Challenge, Millis, SAMPLES, Tiles, Within};
pub use cpu::Cpu;
pub use device::{Device, Kind};
pub use merkle::Digest;
pub use prove::Prover;
pub use refusal::Refusal;
pub use schedule::PASSES;
pub use verify::{Commitment, Committed, Issued, OpenedTile, Opening, Verdict};

#[cfg(test)]
mod tests;
