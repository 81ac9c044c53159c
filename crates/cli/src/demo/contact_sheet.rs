//! All frames on one picture.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use super::frames::{Error, Picture};

const COLUMNS: u32 = 6;
const GAP: u32 = 6;
const BACKGROUND: [u8; 3] = [24, 26, 30];

/// Frames in reading order, six to a row, each at half its size.
pub fn compose(frames: &[Picture]) -> Picture {
    let (width, height) = frames.first().map_or((0, 0), |frame| (frame.width / 2, frame.height / 2));
    let rows = u32::try_from(frames.len()).unwrap_or(u32::MAX).div_ceil(COLUMNS);
    let sheet_width = COLUMNS * (width + GAP) + GAP;
    let sheet_height = rows * (height + GAP) + GAP;
    let mut rgb: Vec<u8> = BACKGROUND.repeat(sheet_width as usize * sheet_height as usize);
    for (index, frame) in (0u32..).zip(frames) {
        let left = GAP + (index % COLUMNS) * (width + GAP);
        let top = GAP + (index / COLUMNS) * (height + GAP);
        for y in 0..height {
            for x in 0..width {
                let start = ((top + y) as usize * sheet_width as usize + (left + x) as usize) * 3;
                rgb[start..start + 3].copy_from_slice(&halved(frame, x, y));
            }
        }
    }
    Picture { width: sheet_width, height: sheet_height, rgb }
}

/// The mean of the four pixels that become one.
fn halved(frame: &Picture, x: u32, y: u32) -> [u8; 3] {
    let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| frame.pixel(2 * x + dx, 2 * y + dy));
    [0, 1, 2].map(|channel| {
        let sum: u16 = four.iter().map(|pixel| u16::from(pixel[channel])).sum();
        (sum / 4) as u8
    })
}

/// Writes a picture as PNG.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn write(picture: &Picture, path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Unwritable { path: path.to_owned(), source };
    let file = File::create(path).map_err(|error| failed(error.into()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&picture.rgb).map_err(failed)?;
    writer.finish().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::frames;

    fn flat(colour: [u8; 3]) -> Picture {
        Picture { width: 8, height: 6, rgb: colour.repeat(48) }
    }

    #[test]
    fn frames_stand_in_reading_order() {
        let frames: Vec<_> = (0..24).map(|n| flat([n * 10, 0, 255])).collect();
        let sheet = compose(&frames);
        assert_eq!((sheet.width, sheet.height), (6 * 10 + 6, 4 * 9 + 6));
        assert_eq!(sheet.pixel(0, 0), BACKGROUND);
        assert_eq!(sheet.pixel(6, 6), [0, 0, 255]);
        assert_eq!(sheet.pixel(6 + 10, 6), [10, 0, 255]);
        assert_eq!(sheet.pixel(6, 6 + 9), [60, 0, 255]);
        assert_eq!(sheet.pixel(6 + 5 * 10 + 3, 6 + 3 * 9 + 2), [230, 0, 255]);
    }

    #[test]
    fn what_was_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("frame.png");
        write(&flat([1, 2, 3]), &path).unwrap();
        let read = frames::verify(std::slice::from_ref(&path), 1, (8, 6)).unwrap();
        assert_eq!(read, [flat([1, 2, 3])]);
    }

    #[test]
    fn missing_cut_off_and_wrong_frames_are_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("frame.png");
        write(&flat([1, 2, 3]), &path).unwrap();
        let one = std::slice::from_ref(&path);
        assert!(matches!(frames::verify(one, 2, (8, 6)), Err(Error::Incomplete { found: 1, wanted: 2 })));
        assert!(matches!(frames::verify(one, 1, (9, 6)), Err(Error::WrongSize { .. })));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
        assert!(matches!(frames::verify(one, 1, (8, 6)), Err(Error::NotPng { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(frames::verify(one, 1, (8, 6)), Err(Error::Unreadable { .. })));
    }
}
