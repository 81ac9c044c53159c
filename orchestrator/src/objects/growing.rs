use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use millrace_spec::Sha256;
use rustix::fs::{Advice, fadvise};
use sha2::Digest;

use super::receive::beside;

/// Bytes behind the end of an upload of which the disk has the first.
const WRITTEN_BY_NOW: u64 = 16 * 1024 * 1024;

/// How far an upload is: its length, and the hash of that much of it.
#[derive(Clone, Default)]
pub(super) struct Progress {
    pub length: u64,
    hasher: sha2::Sha256,
}

impl Progress {
    pub fn hash(self) -> Sha256 {
        Sha256(self.hasher.finalize().into())
    }

    /// That of a file whose hash nobody has kept.
    fn read(mut file: &File) -> io::Result<Self> {
        let mut progress = Self::default();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(progress);
            }
            progress.hasher.update(&buffer[..read]);
            progress.length += read as u64;
        }
    }
}

/// The file of an upload, hashed while it grows. One holder at a time.
pub(super) struct Growing {
    file: Arc<File>,
    pub progress: Progress,
}

impl Growing {
    /// Goes on from `known` where that is how long the file is, otherwise from what it holds.
    pub fn open(path: &Path, known: Option<Progress>) -> io::Result<Self> {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let length = file.metadata()?.len();
        let progress = match known {
            Some(known) if known.length == length => known,
            _ => Progress::read(&file)?,
        };
        Ok(Self { file: file.into(), progress })
    }

    /// Bytes are hashed while they are written: each takes about as long.
    pub async fn append(self, pieces: Vec<Bytes>) -> io::Result<Self> {
        let Self { file, progress: Progress { length, mut hasher } } = self;
        let (to, pieces) = (file.clone(), Arc::new(pieces));
        let hashed = pieces.clone();
        let hash = move || {
            hashed.iter().for_each(|piece| hasher.update(piece));
            io::Result::Ok(hasher)
        };
        // Both to their ends: nothing is written any more once this has returned.
        let (end, hasher) = tokio::join!(beside(move || write(&to, length, &pieces)), beside(hash));
        Ok(Self { file, progress: Progress { length: end?, hasher: hasher? } })
    }

    /// Takes back what was appended since `progress`.
    pub fn back_to(&mut self, progress: Progress) -> io::Result<()> {
        self.file.set_len(progress.length)?;
        self.progress = progress;
        Ok(())
    }

    /// Returns when all of it is on the disk, and its length there.
    pub fn sync(&self) -> io::Result<u64> {
        self.file.sync_all()?;
        Ok(self.file.metadata()?.len())
    }
}

/// Writes behind `from`; where that ends.
fn write(file: &File, from: u64, pieces: &[Bytes]) -> io::Result<u64> {
    let mut end = from;
    for piece in pieces {
        file.write_all_at(piece, end)?;
        end += piece.len() as u64;
    }
    // Has the kernel begin to write it to the disk, so that with the last piece little is left to wait for, and let go
    // of what is there already: the same memory does for the next.
    let from = from.saturating_sub(WRITTEN_BY_NOW);
    fadvise(file, from, NonZeroU64::new(end - from), Advice::DontNeed)?;
    Ok(end)
}
