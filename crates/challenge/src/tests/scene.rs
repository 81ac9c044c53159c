//! A small challenge, and rigs that answer it: honest ones, and ones that bring their own tiles.

use millrace_protocol::Address;

use crate::merkle::Tree;
use crate::schedule::Schedule;
use crate::*;

pub const TILES: u32 = 8;
pub const GPU: &str = "GPU-6f1e0000-0000-0000-0000-000000000001";
pub const SENT: Millis = Millis(5_000);
pub const DRAW: [u8; 32] = [3; 32];
pub const SECRET: [u8; 32] = [4; 32];

/// All of its tiles are opened.
pub fn challenge() -> Challenge {
    Challenge {
        nonce: [7; 32],
        node: Address([9; 32]),
        gpu: GPU.to_owned(),
        tiles: Tiles::nearest(TILES),
        samples: TILES as u16,
        within: Within { commit: Millis(2_000), open: Millis(300) },
        accept_simulated: true,
    }
}

/// What comes out of the work.
pub fn worked(challenge: &Challenge) -> Vec<Vec<u32>> {
    let schedule = Schedule::new(challenge);
    let mut device = Cpu::default();
    device.fill(&schedule.key, challenge.tiles).unwrap();
    for pass in 0..PASSES {
        device.multiply(schedule.first(pass), &schedule.partners(pass)).unwrap();
    }
    (0..challenge.tiles.count()).map(|tile| device.read(tile).unwrap()).collect()
}

/// A rig that answers with the tiles it is given.
pub struct Rig {
    pub commitment: Commitment,
    pub tiles: Vec<Vec<u32>>,
    tree: Tree,
}

impl Rig {
    pub fn with(tiles: Vec<Vec<u32>>) -> Self {
        let tree = Tree::new(tiles.iter().map(|words| tile::digest(words)).collect());
        let commitment = Commitment { gpu: GPU.to_owned(), tiles: TILES, root: tree.root(), kind: Kind::Cuda };
        Self { commitment, tiles, tree }
    }

    pub fn honest() -> Self {
        Self::with(worked(&challenge()))
    }

    pub fn open(&self, request: &[u32]) -> Opening {
        let one = |tile: &u32| OpenedTile {
            tile: *tile,
            words: self.tiles.get(*tile as usize).cloned().unwrap_or_default(),
            path: self.tree.path(*tile),
        };
        Opening { tiles: request.iter().map(one).collect() }
    }

    /// What the verifier says to it, after `change` had its way with the opening.
    pub fn judged(&self, change: impl FnOnce(&mut Opening)) -> Result<Verdict, Refusal> {
        let committed = Issued::new(challenge(), SENT).commit(self.commitment.clone(), SENT, DRAW)?;
        let mut opening = self.open(committed.request());
        change(&mut opening);
        committed.verify(&opening, SENT, SECRET)
    }
}
