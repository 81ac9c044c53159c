//! Content-addressed objects. Complete ones lie in an [`object_store`]; an upload under way lies in a file of its own,
//! hashed as it comes, until all of it is there and its hash is right. Then it is synced and renamed: its bytes are
//! written once and never read again.

mod growing;
mod receive;
mod rounds;
mod staged;
mod sweep;

use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use millrace_protocol::Diagnostic;
use millrace_spec::Sha256;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as Backend, ObjectStoreExt};
use thiserror::Error;

use crate::disk;
use growing::Progress;
pub(crate) use receive::Piece;
pub(crate) use staged::StagedId;
use sweep::Deleted;
pub(crate) use sweep::Needed;

/// The largest object in bytes.
const MAXIMUM: u64 = 64 * 1024 * 1024 * 1024;
/// How long a transfer may stand still before it counts as broken off.
pub(crate) const STALL: Duration = Duration::from_secs(60);

#[derive(Debug, Error)]
pub enum Error {
    #[error("object {0} does not exist")]
    NotFound(Sha256),
    #[error("what was uploaded has the hash {actual}, not {expected}")]
    HashMismatch { expected: Sha256, actual: Sha256 },
    #[error("an object has at most {maximum} bytes, this one {size}")]
    TooLarge { size: u64, maximum: u64 },
    #[error("the piece starts at byte {from}, and {stored} bytes are here")]
    Gap { from: u64, stored: u64 },
    #[error("the piece is longer than its range says")]
    PieceTooLong,
    #[error("at most {} uploads of one key may be under way without a hash", staged::PER_KEY)]
    TooManyUploads,
    #[error("the upload broke off")]
    BrokenOff,
    #[error("the object store has no space left")]
    Full,
    #[error("an upload cannot be kept")]
    File(#[source] std::io::Error),
    #[error("the object store fails")]
    Backend(#[source] object_store::Error),
    #[error("object {0} does not hold what it is named after")]
    Damaged(Sha256),
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "object-not-found",
            Self::HashMismatch { .. } => "object-hash-mismatch",
            Self::TooLarge { .. } => "object-too-large",
            Self::Gap { .. } => "object-gap",
            Self::PieceTooLong => "object-piece-too-long",
            Self::TooManyUploads => "object-uploads-too-many",
            Self::BrokenOff => "object-upload-broken-off",
            Self::Full => "disk-full",
            Self::File(_) | Self::Backend(_) | Self::Damaged(_) => "object-store-failed",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotFound(_) => "upload it first, or check the hash".to_owned(),
            Self::HashMismatch { .. } => "upload it again from the start: what was here is deleted".to_owned(),
            Self::TooLarge { maximum, .. } => format!("split it into objects of at most {maximum} bytes"),
            Self::Gap { stored, .. } => format!("go on from byte {stored}"),
            Self::PieceTooLong => "send as many bytes as the range has".to_owned(),
            Self::TooManyUploads => "finish those that are under way, or name the object by its hash".to_owned(),
            Self::BrokenOff => "ask with HEAD where to go on".to_owned(),
            Self::Full => "the operator must free space; try again later, the upload goes on from there".to_owned(),
            Self::File(_) | Self::Backend(_) | Self::Damaged(_) => {
                "the operator must look at the data folder".to_owned()
            }
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        if is_full(&source) { Self::Full } else { Self::File(source) }
    }
}

impl From<object_store::Error> for Error {
    fn from(source: object_store::Error) -> Self {
        if is_full(&source) { Self::Full } else { Self::Backend(source) }
    }
}

/// Whether no space is left, found by kind along the chain of causes.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut causes = chain.filter_map(|error| error.downcast_ref::<std::io::Error>());
    causes.any(|cause| matches!(cause.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Complete,
    /// This many bytes are here.
    Partial(u64),
}

#[derive(Clone)]
pub(crate) struct Objects {
    backend: Arc<dyn Backend>,
    /// What [`Self::backend`] reads.
    complete: PathBuf,
    uploads: PathBuf,
    /// Uploads without a hash, by their owner.
    staged: PathBuf,
    /// Marks by the manifests of rounds, of checkpoints and others.
    checkpoints: PathBuf,
    /// Held by many who claim an object, and by one who deletes one.
    claims: Arc<RwLock<()>>,
    deleted: Arc<Deleted>,
    maximum: u64,
    /// Bytes left free on the disk.
    reserve: u64,
    /// See [`STALL`].
    stall: Duration,
    /// One writer per file at a time.
    writing: Arc<Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>>,
    /// Of uploads that nobody writes to just now.
    hashes: Arc<Mutex<HashMap<PathBuf, Progress>>>,
    /// The folder of [`Self::staged`] uploads is counted and swept by one at a time.
    admitting: Arc<tokio::sync::Mutex<()>>,
    /// Bytes written since the start.
    received: Arc<AtomicU64>,
}

impl Objects {
    /// Keeps everything under `folder`.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Backend`], [`Error::Full`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::with_limits(folder, MAXIMUM, disk::RESERVE)
    }

    fn with_limits(folder: &Path, maximum: u64, reserve: u64) -> Result<Self, Error> {
        let (uploads, staged) = (folder.join("uploads"), folder.join("staged"));
        let checkpoints = folder.join("checkpoints");
        for folder in [&uploads, &staged, &checkpoints] {
            std::fs::create_dir_all(folder)?;
        }
        let complete = folder.join("complete");
        for first in 0..=u8::MAX {
            std::fs::create_dir_all(complete.join(format!("{first:02x}")))?;
        }
        File::open(&complete)?.sync_all()?;
        let backend = Arc::new(LocalFileSystem::new_with_prefix(&complete)?);
        let (writing, hashes, admitting) = (Arc::default(), Arc::default(), Arc::default());
        Ok(Self {
            backend,
            complete,
            uploads,
            staged,
            checkpoints,
            claims: Arc::default(),
            deleted: Arc::default(),
            maximum,
            reserve,
            stall: STALL,
            writing,
            hashes,
            admitting,
            received: Arc::default(),
        })
    }

    /// Bytes of objects that came in since the start, whatever became of them.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    async fn admit(&self, upload: StagedId) -> Result<(), Error> {
        let _alone = self.admitting.lock().await;
        let folder = self.staged.clone();
        let admitted = receive::beside(move || upload.admit(&folder)).await?;
        if admitted { Ok(()) } else { Err(Error::TooManyUploads) }
    }

    /// Size of a complete object.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Backend`].
    pub async fn size(&self, sha256: Sha256) -> Result<u64, Error> {
        match self.backend.head(&location(sha256)).await {
            Ok(meta) => Ok(meta.size),
            Err(object_store::Error::NotFound { .. }) => Err(Error::NotFound(sha256)),
            Err(error) => Err(error.into()),
        }
    }

    /// Size of a complete object, for somebody who refers to it soon: it stays for a day, whoever needed it before.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::File`].
    pub async fn claim(&self, sha256: Sha256) -> Result<u64, Error> {
        let (path, claims) = (self.complete_path(sha256), self.claims.clone());
        let claimed = receive::beside(move || {
            let _stays = claims.read().unwrap_or_else(PoisonError::into_inner);
            let file = File::open(path)?;
            file.set_modified(SystemTime::now())?;
            Ok(file.metadata()?.len())
        });
        claimed.await.map_err(|error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => Error::NotFound(sha256),
            _ => error.into(),
        })
    }

    /// Bytes of an incomplete upload, counting what was staged for it.
    pub async fn uploaded(&self, sha256: Sha256, staged: Option<StagedId>) -> u64 {
        let staged = match staged {
            Some(staged) => length(&staged.path(&self.staged)).await,
            None => 0,
        };
        length(&self.upload_path(sha256)).await.max(staged)
    }

    /// Opens an object, from a byte on.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Backend`].
    pub async fn get(&self, sha256: Sha256, from: u64) -> Result<GetResult, Error> {
        let range = (from > 0).then_some(GetRange::Offset(from));
        match self.backend.get_opts(&location(sha256), GetOptions { range, ..GetOptions::default() }).await {
            Ok(found) => Ok(found),
            Err(object_store::Error::NotFound { .. }) => Err(Error::NotFound(sha256)),
            Err(error) => Err(error.into()),
        }
    }

    /// A small object as a whole.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TooLarge`], [`Error::Backend`].
    pub async fn get_bytes(&self, sha256: Sha256, maximum: u64) -> Result<Bytes, Error> {
        let found = self.get(sha256, 0).await?;
        if found.meta.size > maximum {
            return Err(Error::TooLarge { size: found.meta.size, maximum });
        }
        Ok(found.bytes().await?)
    }

    fn lock(&self, path: &Path) -> Arc<tokio::sync::Mutex<()>> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks that nobody holds any more are dropped on the way.
        writing.retain(|_, lock| Arc::strong_count(lock) > 1);
        writing.entry(path.to_owned()).or_default().clone()
    }

    fn hashes(&self) -> MutexGuard<'_, HashMap<PathBuf, Progress>> {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complete_path(&self, sha256: Sha256) -> PathBuf {
        let name = sha256.to_string();
        self.complete.join(&name[..2]).join(name)
    }

    fn upload_path(&self, sha256: Sha256) -> PathBuf {
        self.uploads.join(sha256.to_string())
    }
}

/// Objects are spread over 256 folders by their first byte.
fn location(sha256: Sha256) -> Location {
    let name = sha256.to_string();
    Location::from_iter([&name[..2], &name])
}

/// Bytes of a file; zero where there is none.
async fn length(path: &Path) -> u64 {
    tokio::fs::metadata(path).await.map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests;
