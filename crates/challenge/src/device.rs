use crate::challenge::Tiles;
use crate::merkle::Digest;
use crate::stream::Key;

/// What computed an answer, in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A GPU through the CUDA driver.
    Cuda,
    /// The processor: it proves nothing about any GPU.
    Cpu,
}

/// Something with memory that multiplies tiles. Words are canonical, tiles follow one another.
pub trait Device {
    type Error;

    fn kind(&self) -> Kind;

    /// Takes memory for so many tiles and makes each the seed tile of its number.
    ///
    /// # Errors
    /// The device's own; without enough memory, too.
    fn fill(&mut self, key: &Key, tiles: Tiles) -> Result<(), Self::Error>;

    /// Multiplies the tiles from `first` on, each by its partner, in place. No partner is among them.
    ///
    /// # Errors
    /// The device's own.
    fn multiply(&mut self, first: u32, partners: &[u32]) -> Result<(), Self::Error>;

    /// [`crate::tile::digest`] of each tile.
    ///
    /// # Errors
    /// The device's own.
    fn digests(&mut self) -> Result<Vec<Digest>, Self::Error>;

    /// One tile's words.
    ///
    /// # Errors
    /// The device's own.
    fn read(&mut self, tile: u32) -> Result<Vec<u32>, Self::Error>;
}
