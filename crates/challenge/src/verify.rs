//! The verifier's side: two questions, each answered once and in time.

use crate::challenge::{Challenge, Millis};
use crate::device::Kind;
use crate::merkle::{self, Digest};
use crate::refusal::Refusal;
use crate::schedule::Schedule;
use crate::stream::Key;
use crate::tile;

/// The rig's first answer: the work is done, and this is what came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    pub gpu: String,
    pub tiles: u32,
    /// Of the Merkle tree over all tiles.
    pub root: Digest,
    pub kind: Kind,
}

/// The rig's second answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub tiles: Vec<OpenedTile>,
}

/// One tile, and that it is under the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedTile {
    pub tile: u32,
    /// Row by row.
    pub words: Vec<u32>,
    pub path: Vec<Digest>,
}

/// What an honest answer has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub kind: Kind,
    /// Bytes that were filled and multiplied.
    pub bytes: u64,
    /// From the challenge to the commitment, network included.
    pub took: Millis,
}

/// A challenge on its way. Answering uses it up.
#[derive(Debug)]
pub struct Issued {
    challenge: Challenge,
    at: Millis,
}

impl Issued {
    /// `at`: when it was sent.
    pub fn new(challenge: Challenge, at: Millis) -> Self {
        Self { challenge, at }
    }

    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// Takes the commitment that came at `at`. `draw`, random and not known before, picks the tiles to
    /// open, each as likely as any other.
    ///
    /// # Errors
    /// [`Refusal::CommitmentLate`], [`Refusal::OtherGpu`], [`Refusal::OtherSize`], [`Refusal::Simulated`].
    pub fn commit(self, commitment: Commitment, at: Millis, draw: [u8; 32]) -> Result<Committed, Refusal> {
        let Self { challenge, at: issued } = self;
        let (took, within) = (at - issued, challenge.within.commit);
        if took > within {
            return Err(Refusal::CommitmentLate { took, within });
        }
        if commitment.gpu != challenge.gpu {
            return Err(Refusal::OtherGpu { asked: challenge.gpu, answered: commitment.gpu });
        }
        let asked = challenge.tiles.count();
        if commitment.tiles != asked {
            return Err(Refusal::OtherSize { asked, answered: commitment.tiles });
        }
        if commitment.kind == Kind::Cpu && !challenge.accept_simulated {
            return Err(Refusal::Simulated);
        }
        let request = draw_tiles(&Key::from_bytes(draw), asked, challenge.samples);
        Ok(Committed { challenge, commitment, request, took, at })
    }
}

/// `samples` different numbers below `tiles`, or all of them.
pub(crate) fn draw_tiles(draw: &Key, tiles: u32, samples: u16) -> Vec<u32> {
    let wanted = (samples as usize).min(tiles as usize);
    let mut drawn = Vec::with_capacity(wanted);
    // From the end of what is left, as a shuffle that stops early: no draw is made in vain.
    let mut words = draw.stream(0, 0);
    for left in (1..=tiles).rev().take(wanted) {
        let mut pick = (words.next_wide() % u64::from(left)) as u32;
        let mut before: Vec<u32> = drawn.clone();
        before.sort_unstable();
        for earlier in before {
            pick += u32::from(earlier <= pick);
        }
        drawn.push(pick);
    }
    drawn
}

/// A rig that has committed itself and is asked for tiles. Opening them uses it up.
#[derive(Debug)]
pub struct Committed {
    challenge: Challenge,
    commitment: Commitment,
    request: Vec<u32>,
    took: Millis,
    at: Millis,
}

impl Committed {
    /// The tiles to open, in this order.
    pub fn request(&self) -> &[u32] {
        &self.request
    }

    /// Holds the opening that came at `at` against what the tiles must be.
    ///
    /// `secret`, random and never told, gives each tile its own two vectors: a wrong tile agrees with
    /// both with a chance of at most 2^-61, whatever it is (Freivalds 1977, over a field of 2^31 − 1).
    ///
    /// # Errors
    /// [`Refusal`] of the first thing that is wrong.
    pub fn verify(self, opening: &Opening, at: Millis, secret: [u8; 32]) -> Result<Verdict, Refusal> {
        let (took, within) = (at - self.at, self.challenge.within.open);
        if took > within {
            return Err(Refusal::OpeningLate { took, within });
        }
        if opening.tiles.len() != self.request.len() {
            return Err(Refusal::OtherCount { asked: self.request.len(), opened: opening.tiles.len() });
        }
        // What is cheap to see is seen for all tiles before anything is computed for one.
        for (asked, opened) in self.request.iter().zip(&opening.tiles) {
            self.is_committed(*asked, opened)?;
        }
        let (schedule, secret) = (Schedule::new(&self.challenge), Key::from_bytes(secret));
        for opened in &opening.tiles {
            let vectors = tile::vectors(&secret, opened.tile);
            if !agrees(&schedule, opened, &vectors) {
                return Err(Refusal::WrongProduct { tile: opened.tile });
            }
        }
        Ok(Verdict { kind: self.commitment.kind, bytes: self.challenge.tiles.bytes(), took: self.took })
    }

    fn is_committed(&self, asked: u32, opened: &OpenedTile) -> Result<(), Refusal> {
        if opened.tile != asked {
            return Err(Refusal::OtherTile { asked, opened: opened.tile });
        }
        if !tile::is_canonical(&opened.words) {
            return Err(Refusal::Malformed { tile: asked });
        }
        let leaf = tile::digest(&opened.words);
        if !merkle::holds(&self.commitment.root, self.commitment.tiles, asked, leaf, &opened.path) {
            return Err(Refusal::NotCommitted { tile: asked });
        }
        Ok(())
    }
}

/// Freivalds' check of one tile.
pub(crate) fn agrees(schedule: &Schedule, opened: &OpenedTile, vectors: &tile::Vectors) -> bool {
    tile::times(&opened.words, vectors) == schedule.tile_times(opened.tile, vectors)
}
