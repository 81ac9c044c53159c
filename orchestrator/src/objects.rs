//! Content-addressed objects. Complete ones lie in an [`object_store`]; an upload under way lies in
//! a file of its own until all of it is there and its hash is right.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use millrace_link::objects::hash_file;
use millrace_protocol::Diagnostic;
use millrace_spec::{ObjectRef, Sha256};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as Backend, ObjectStoreExt, WriteMultipart};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::disk;

/// The largest object in bytes.
const MAXIMUM: u64 = 64 * 1024 * 1024 * 1024;
/// Bytes moved at once into the store.
const PART: usize = 8 * 1024 * 1024;
/// How long an upload may stand still before it counts as broken off.
const STALL: Duration = Duration::from_secs(60);

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
    #[error("the upload broke off")]
    BrokenOff,
    #[error("the object store has no space left")]
    Full,
    #[error("an upload cannot be kept")]
    File(#[source] std::io::Error),
    #[error("the object store fails")]
    Backend(#[source] object_store::Error),
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "object-not-found",
            Self::HashMismatch { .. } => "object-hash-mismatch",
            Self::TooLarge { .. } => "object-too-large",
            Self::Gap { .. } => "object-gap",
            Self::PieceTooLong => "object-piece-too-long",
            Self::BrokenOff => "object-upload-broken-off",
            Self::Full => "disk-full",
            Self::File(_) | Self::Backend(_) => "object-store-failed",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotFound(_) => "upload it first, or check the hash".to_owned(),
            Self::HashMismatch { .. } => "upload it again from the start: what was here is deleted".to_owned(),
            Self::TooLarge { maximum, .. } => format!("split it into objects of at most {maximum} bytes"),
            Self::Gap { stored, .. } => format!("go on from byte {stored}"),
            Self::PieceTooLong => "send as many bytes as the range has".to_owned(),
            Self::BrokenOff => "ask with HEAD where to go on".to_owned(),
            Self::Full => "the operator must free space; try again later, the upload goes on from there".to_owned(),
            Self::File(_) | Self::Backend(_) => "the operator must look at the data folder".to_owned(),
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
    causes.any(|cause| matches!(cause.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded))
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
    uploads: PathBuf,
    maximum: u64,
    /// Bytes left free on the disk.
    reserve: u64,
    /// See [`STALL`].
    stall: Duration,
    /// One writer per object at a time.
    writing: Arc<Mutex<HashMap<Sha256, Arc<tokio::sync::Mutex<()>>>>>,
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
        let (complete, uploads) = (folder.join("complete"), folder.join("uploads"));
        std::fs::create_dir_all(&complete)?;
        std::fs::create_dir_all(&uploads)?;
        let backend = LocalFileSystem::new_with_prefix(complete)?.with_fsync(true);
        Ok(Self { backend: Arc::new(backend), uploads, maximum, reserve, stall: STALL, writing: Arc::default() })
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

    /// Bytes of an incomplete upload.
    pub async fn uploaded(&self, sha256: Sha256) -> u64 {
        tokio::fs::metadata(self.upload_path(sha256)).await.map_or(0, |metadata| metadata.len())
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

    /// Takes a piece of `length` bytes at `from` of an object of `total` bytes. With the last piece
    /// the hash is checked; a wrong one deletes the upload.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put<S, E>(&self, object: ObjectRef, from: u64, length: u64, mut body: S) -> Result<Stored, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        if object.size > self.maximum {
            return Err(Error::TooLarge { size: object.size, maximum: self.maximum });
        }
        let lock = self.lock(object.sha256);
        let _writing = lock.lock().await;
        if self.size(object.sha256).await.is_ok() {
            return Ok(Stored::Complete);
        }
        let path = self.upload_path(object.sha256);
        let mut file = tokio::fs::File::options().create(true).append(true).open(&path).await?;
        let mut stored = file.metadata().await?.len();
        if stored > object.size {
            file.set_len(0).await?;
            stored = 0;
        }
        if from != stored {
            return Err(Error::Gap { from, stored });
        }
        let mut written = 0;
        // The lock is held meanwhile: a client that hangs must not keep the object from all others.
        loop {
            let piece = match tokio::time::timeout(self.stall, body.next()).await {
                Ok(None) => break,
                Ok(Some(Ok(piece))) => piece,
                Ok(Some(Err(_))) | Err(_) => {
                    file.flush().await?;
                    return Err(Error::BrokenOff);
                }
            };
            written += piece.len() as u64;
            if written > length || from + written > object.size {
                file.set_len(from).await?;
                return Err(Error::PieceTooLong);
            }
            if let Err(full) = disk::check(&self.uploads, piece.len() as u64, self.reserve) {
                file.flush().await?;
                return Err(full.into());
            }
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        let stored = from + written;
        if stored < object.size {
            return Ok(Stored::Partial(stored));
        }
        self.complete(object, &path).await?;
        Ok(Stored::Complete)
    }

    async fn complete(&self, object: ObjectRef, path: &Path) -> Result<(), Error> {
        let actual = hash_file(path).await.map_err(|_| Error::BrokenOff)?;
        if actual.sha256 != object.sha256 {
            tokio::fs::remove_file(path).await?;
            return Err(Error::HashMismatch { expected: object.sha256, actual: actual.sha256 });
        }
        disk::check(&self.uploads, object.size, self.reserve)?;
        let upload = self.backend.put_multipart(&location(object.sha256)).await?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        let mut file = tokio::fs::File::open(path).await?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = file.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            writer.wait_for_capacity(1).await?;
            writer.write(&buffer[..read]);
        }
        writer.finish().await?;
        tokio::fs::remove_file(path).await?;
        Ok(())
    }

    fn lock(&self, sha256: Sha256) -> Arc<tokio::sync::Mutex<()>> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks that nobody holds any more are dropped on the way.
        writing.retain(|_, lock| Arc::strong_count(lock) > 1);
        writing.entry(sha256).or_default().clone()
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

#[cfg(test)]
mod tests;
