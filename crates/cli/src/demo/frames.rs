//! Proof that the frames are pictures: each is decoded, not merely looked at.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use millrace_protocol::Diagnostic;
use thiserror::Error;

/// A decoded picture, 8 bits per channel, RGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
}

/// Why a frame is not one.
#[derive(Debug, Error)]
pub enum Error {
    #[error("`{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("`{}` is not a valid PNG", path.display())]
    NotPng { path: PathBuf, source: png::DecodingError },
    #[error("`{}` is {width} x {height}, not {} x {}", path.display(), wanted.0, wanted.1)]
    WrongSize { path: PathBuf, width: u32, height: u32, wanted: (u32, u32) },
    #[error("{found} frames arrived, {wanted} were ordered")]
    Incomplete { found: usize, wanted: usize },
    #[error("`{}` cannot be written", path.display())]
    Unwritable { path: PathBuf, source: png::EncodingError },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "frame-unreadable",
            Self::NotPng { .. } => "frame-not-png",
            Self::WrongSize { .. } => "frame-wrong-size",
            Self::Incomplete { .. } => "frames-incomplete",
            Self::Unwritable { .. } => "contact-sheet-unwritable",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Unwritable { .. } => "check free space and permissions of the folder",
            _ => "read the logs in the demo's folder; `orchestrator.log` first",
        }
        .to_owned()
    }
}

impl Picture {
    /// Decodes a whole PNG.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::NotPng`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
        let broken = |source| Error::NotPng { path: path.to_owned(), source };
        let mut decoder = png::Decoder::new(BufReader::new(file));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info().map_err(broken)?;
        let too_large = || broken(png::DecodingError::LimitsExceeded);
        let mut bytes = vec![0; reader.output_buffer_size().ok_or_else(too_large)?];
        let info = reader.next_frame(&mut bytes).map_err(broken)?;
        // Reads the rest, so that a file cut off after its pixels is found out too.
        reader.finish().map_err(broken)?;
        let rgb = match info.color_type {
            png::ColorType::Rgb => bytes,
            png::ColorType::Rgba => bytes.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
            png::ColorType::GrayscaleAlpha => bytes.chunks_exact(2).flat_map(|pixel| [pixel[0]; 3]).collect(),
            png::ColorType::Grayscale | png::ColorType::Indexed => bytes.iter().flat_map(|grey| [*grey; 3]).collect(),
        };
        Ok(Self { width: info.width, height: info.height, rgb })
    }

    /// The colour at a place inside the picture.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let start = (y as usize * self.width as usize + x as usize) * 3;
        [self.rgb[start], self.rgb[start + 1], self.rgb[start + 2]]
    }
}

/// Decodes all frames and holds them to their number and size.
///
/// # Errors
/// The first frame that is missing, broken or of the wrong size.
pub fn verify(paths: &[PathBuf], n_frames: usize, size: (u32, u32)) -> Result<Vec<Picture>, Error> {
    if paths.len() != n_frames {
        return Err(Error::Incomplete { found: paths.len(), wanted: n_frames });
    }
    paths
        .iter()
        .map(|path| {
            let picture = Picture::read(path)?;
            if (picture.width, picture.height) == size {
                Ok(picture)
            } else {
                let (width, height) = (picture.width, picture.height);
                Err(Error::WrongSize { path: path.clone(), width, height, wanted: size })
            }
        })
        .collect()
}
