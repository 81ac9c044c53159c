use std::ops::{Add, Sub};

use millrace_protocol::Address;

use crate::stream::Key;
use crate::tile::BYTES;

/// Milliseconds of the verifier's own monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Add for Millis {
    type Output = Self;

    /// Saturates.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Millis {
    type Output = Self;

    /// Saturates.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// How many tiles the state has: an even number, at least two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles(u32);

impl Tiles {
    pub const SMALLEST: Self = Self(2);
    /// 2 TiB: positions fit 32 bits with room to spare.
    pub const LARGEST: Self = Self(1 << 25);

    /// The nearest number that is allowed.
    pub fn nearest(tiles: u32) -> Self {
        Self((tiles / 2 * 2).clamp(Self::SMALLEST.0, Self::LARGEST.0))
    }

    /// Nine tenths of a memory: the rest is for the driver's context, digests and products under way.
    pub fn filling(vram_mib: u32) -> Self {
        let tiles = u64::from(vram_mib) * 1_048_576 / 10 * 9 / BYTES;
        Self::nearest(u32::try_from(tiles).unwrap_or(u32::MAX))
    }

    pub fn count(self) -> u32 {
        self.0
    }

    pub fn half(self) -> u32 {
        self.0 / 2
    }

    /// Bytes of device memory that the state takes.
    pub fn bytes(self) -> u64 {
        u64::from(self.0) * BYTES
    }
}

/// How many tiles are opened where nothing else is asked for: of a rig that left out a fifth of the
/// work 3 % pass, of one that left out half 0.002 %.
pub const SAMPLES: u16 = 16;

/// How long the rig may take, network included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    /// From the challenge to the commitment.
    pub commit: Millis,
    /// From the request for tiles to their opening: much less than computing them anew takes.
    pub open: Millis,
}

/// What the verifier asks of one GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Random, fresh, not known to anybody before.
    pub nonce: [u8; 32],
    /// The node that answers.
    pub node: Address,
    /// The GPU's UUID as the driver writes it.
    pub gpu: String,
    pub tiles: Tiles,
    /// Tiles to be opened; more than there are means all.
    pub samples: u16,
    pub within: Within,
    /// Whether an answer that says it is not a GPU's will do.
    pub accept_simulated: bool,
}

impl Challenge {
    /// What all words are drawn from: another node, GPU or size gives other matrices.
    pub(crate) fn key(&self) -> Key {
        let length = (self.gpu.len() as u64).to_le_bytes();
        let tiles = self.tiles.count().to_le_bytes();
        let domain = b"millrace gpu challenge v1";
        Key::from_parts(&[domain, &self.nonce, &self.node.0, &length, self.gpu.as_bytes(), &tiles])
    }
}
