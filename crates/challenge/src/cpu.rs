use std::convert::Infallible;

use crate::challenge::Tiles;
use crate::device::{Device, Kind};
use crate::merkle::Digest;
use crate::stream::Key;
use crate::tile;

/// The processor in a GPU's place, for tests and machines without one. Its answers say so.
#[derive(Clone, Debug, Default)]
pub struct Cpu {
    tiles: Vec<Vec<u32>>,
}

impl Device for Cpu {
    type Error = Infallible;

    fn kind(&self) -> Kind {
        Kind::Cpu
    }

    fn fill(&mut self, key: &Key, tiles: Tiles) -> Result<(), Infallible> {
        self.tiles = (0..tiles.count()).map(|number| tile::seed(key, number)).collect();
        Ok(())
    }

    fn multiply(&mut self, first: u32, partners: &[u32]) -> Result<(), Infallible> {
        for (number, partner) in (first as usize..).zip(partners) {
            self.tiles[number] = tile::product(&self.tiles[number], &self.tiles[*partner as usize]);
        }
        Ok(())
    }

    fn digests(&mut self) -> Result<Vec<Digest>, Infallible> {
        Ok(self.tiles.iter().map(|words| tile::digest(words)).collect())
    }

    fn read(&mut self, number: u32) -> Result<Vec<u32>, Infallible> {
        Ok(self.tiles[number as usize].clone())
    }
}
