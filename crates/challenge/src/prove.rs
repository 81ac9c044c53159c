//! The rig's side, the same on every device.

use crate::challenge::Challenge;
use crate::device::Device;
use crate::merkle::Tree;
use crate::schedule::{PASSES, Schedule};
use crate::verify::{Commitment, OpenedTile, Opening};

/// A rig that has done a challenge's work and waits to be asked for tiles.
pub struct Prover<D> {
    device: D,
    gpu: String,
    tiles: u32,
    tree: Tree,
}

/// Why tiles are not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unopened<E> {
    /// There is no tile of this number: the verifier is mistaken.
    NoSuchTile(u32),
    Device(E),
}

impl<D: Device> Prover<D> {
    /// Fills the device's memory, multiplies, hashes.
    ///
    /// # Errors
    /// The device's.
    pub fn work(mut device: D, challenge: &Challenge) -> Result<Self, D::Error> {
        let schedule = Schedule::new(challenge);
        device.fill(&schedule.key, challenge.tiles)?;
        for pass in 0..PASSES {
            device.multiply(schedule.first(pass), &schedule.partners(pass))?;
        }
        let tree = Tree::new(device.digests()?);
        Ok(Self { device, gpu: challenge.gpu.clone(), tiles: challenge.tiles.count(), tree })
    }

    /// What is sent when the work is done.
    pub fn commitment(&self) -> Commitment {
        Commitment { gpu: self.gpu.clone(), tiles: self.tiles, root: self.tree.root(), kind: self.device.kind() }
    }

    /// The tiles asked for, in that order.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn open(&mut self, request: &[u32]) -> Result<Opening, Unopened<D::Error>> {
        let mut tiles = Vec::with_capacity(request.len());
        for tile in request {
            if *tile >= self.tiles {
                return Err(Unopened::NoSuchTile(*tile));
            }
            let words = self.device.read(*tile).map_err(Unopened::Device)?;
            tiles.push(OpenedTile { tile: *tile, words, path: self.tree.path(*tile) });
        }
        Ok(Opening { tiles })
    }
}
