//! What comes in: pieces of an upload, in order, until all of it is here and its hash is right.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use millrace_spec::{ObjectRef, Sha256};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::growing::{Growing, Progress};
use super::staged::StagedId;
use super::{Error, Objects, Stored, length};
use crate::disk;

/// Bytes that are hashed and written at once, while the next ones arrive.
const BATCH: usize = 1024 * 1024;
/// How many of them may wait for the disk.
const AHEAD: usize = 2;
/// Uploads whose hash is kept between their pieces; of others it is read again from the disk.
const KEPT: usize = 4_096;

/// Where a piece lies in what is uploaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub from: u64,
    pub length: u64,
    /// Bytes of all of it.
    pub total: u64,
}

impl Objects {
    /// Takes a piece of an object. With the last piece the hash is checked; a wrong one deletes the upload. What was
    /// sent as `staged` before the hash was known becomes part of it first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put<S, E>(
        &self,
        object: Sha256,
        piece: Piece,
        staged: Option<StagedId>,
        body: S,
    ) -> Result<Stored, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send + 'static,
        E: Send,
    {
        let this = self.clone();
        // Whoever is asked no more goes on to the end of what it does: bytes are never half written.
        uninterrupted(async move {
            this.check_size(piece)?;
            let path = this.upload_path(object);
            let lock = this.lock(&path);
            let _writing = lock.lock().await;
            let complete = match this.claim(object).await {
                Ok(_) => true,
                Err(Error::NotFound(_)) => false,
                Err(error) => return Err(error),
            };
            if let Some(staged) = staged {
                this.adopt(staged, (!complete).then_some(path.as_path())).await?;
            }
            if complete {
                return Ok(Stored::Complete);
            }
            let upload = this.receive(&path, piece, body).await?;
            if upload.progress.length < piece.total {
                return Ok(Stored::Partial(upload.progress.length));
            }
            this.complete(ObjectRef { sha256: object, size: piece.total }, &path, upload).await?;
            Ok(Stored::Complete)
        })
        .await
    }

    /// Takes a piece of what has no hash yet, and answers how many bytes are here. It stays until an object is made of
    /// it, or until nobody went on with it for long.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn stage<S, E>(&self, staged: StagedId, piece: Piece, body: S) -> Result<u64, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send + 'static,
        E: Send,
    {
        let this = self.clone();
        uninterrupted(async move {
            this.check_size(piece)?;
            let path = staged.path(&this.staged);
            let lock = this.lock(&path);
            let _writing = lock.lock().await;
            this.admit(staged).await?;
            let upload = this.receive(&path, piece, body).await?;
            let length = upload.progress.length;
            this.keep(&path, upload.progress);
            Ok(length)
        })
        .await
    }

    fn check_size(&self, piece: Piece) -> Result<(), Error> {
        if piece.total > self.maximum {
            return Err(Error::TooLarge { size: piece.total, maximum: self.maximum });
        }
        Ok(())
    }

    /// Makes what was staged the upload at `path`, unless that is further; deletes it where there is no such upload.
    async fn adopt(&self, staged: StagedId, path: Option<&Path>) -> Result<(), Error> {
        let from = staged.path(&self.staged);
        let lock = self.lock(&from);
        let _writing = lock.lock().await;
        let known = self.take(&from);
        let here = length(&from).await;
        match path {
            _ if here == 0 => {}
            Some(path) if length(path).await < here => {
                self.take(path);
                tokio::fs::rename(&from, path).await?;
                if let Some(known) = known {
                    self.keep(path, known);
                }
            }
            _ => tokio::fs::remove_file(&from).await?,
        }
        Ok(())
    }

    async fn receive<S, E>(&self, path: &Path, piece: Piece, body: S) -> Result<Growing, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let (known, opened) = (self.take(path), path.to_owned());
        let mut upload = beside(move || Growing::open(&opened, known)).await?;
        if upload.progress.length > piece.total {
            upload.back_to(Progress::default())?;
        }
        let stored = upload.progress.length;
        if piece.from != stored {
            self.keep(path, upload.progress);
            return Err(Error::Gap { from: piece.from, stored });
        }
        self.append(upload, path, piece, body).await
    }

    async fn append<S, E>(&self, upload: Growing, path: &Path, piece: Piece, body: S) -> Result<Growing, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let begun = upload.progress.clone();
        let (batches, received) = channel(AHEAD);
        // What comes in need not wait for the disk, nor the disk for what comes in.
        let (written, taken) = tokio::join!(self.write(upload, received), self.take_in(piece, body, batches));
        let mut upload = written?;
        match taken {
            Err(Error::PieceTooLong) => upload.back_to(begun)?,
            Err(Error::BrokenOff) => self.keep(path, upload.progress.clone()),
            _ => {}
        }
        taken.map(|()| upload)
    }

    async fn write(&self, mut upload: Growing, mut batches: Receiver<Vec<Bytes>>) -> Result<Growing, Error> {
        while let Some(batch) = batches.recv().await {
            let bytes = batch.iter().map(|part| part.len() as u64).sum();
            disk::check(&self.uploads, bytes, self.reserve)?;
            self.received.fetch_add(bytes, Ordering::Relaxed);
            upload = upload.append(batch).await?;
        }
        Ok(upload)
    }

    async fn take_in<S, E>(&self, piece: Piece, mut body: S, batches: Sender<Vec<Bytes>>) -> Result<(), Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let mut received = 0;
        loop {
            let (batch, ended) = self.next_batch(&mut body).await;
            received += batch.iter().map(|part| part.len() as u64).sum::<u64>();
            if received > piece.length || piece.from + received > piece.total {
                return Err(Error::PieceTooLong);
            }
            // Why nobody takes it any more the writer says.
            let open = batches.send(batch).await.is_ok();
            if let Some(ended) = ended.or((!open).then_some(Ok(()))) {
                return ended;
            }
        }
    }

    /// What comes next, and how it ended if it did. The lock is held meanwhile: a client that hangs must not keep the
    /// upload from all others.
    async fn next_batch<S, E>(&self, body: &mut S) -> (Vec<Bytes>, Option<Result<(), Error>>)
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH {
            match tokio::time::timeout(self.stall, body.next()).await {
                Ok(None) => return (batch, Some(Ok(()))),
                Ok(Some(Ok(part))) => {
                    bytes += part.len();
                    batch.push(part);
                }
                Ok(Some(Err(_))) | Err(_) => return (batch, Some(Err(Error::BrokenOff))),
            }
        }
        (batch, None)
    }

    async fn complete(&self, object: ObjectRef, path: &Path, upload: Growing) -> Result<(), Error> {
        let actual = upload.progress.clone().hash();
        if actual != object.sha256 {
            tokio::fs::remove_file(path).await?;
            return Err(Error::HashMismatch { expected: object.sha256, actual });
        }
        match beside(move || upload.sync()).await {
            Ok(length) if length == object.size => {}
            // It is not on the disk, which says so only once, or somebody else wrote into the folder.
            synced => {
                tokio::fs::remove_file(path).await?;
                return Err(synced.map_or_else(Error::from, |_| Error::BrokenOff));
            }
        }
        let (from, to) = (path.to_owned(), self.complete_path(object.sha256));
        Ok(beside(move || publish(&from, &to)).await?)
    }

    fn take(&self, path: &Path) -> Option<Progress> {
        self.hashes().remove(path)
    }

    fn keep(&self, path: &Path, progress: Progress) {
        let mut hashes = self.hashes();
        if hashes.len() >= KEPT {
            hashes.clear();
        }
        hashes.insert(path.to_owned(), progress);
    }
}

async fn uninterrupted<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.unwrap_or(Err(Error::BrokenOff))
}

/// Where the disk holds nobody up.
pub(super) async fn beside<T: Send + 'static, E: From<std::io::Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
}

/// Gives a synced file its name, for good: returns when that is on the disk, too.
fn publish(from: &Path, to: &Path) -> std::io::Result<()> {
    // Its last byte may have come long before its hash was named.
    std::fs::File::open(from)?.set_modified(SystemTime::now())?;
    std::fs::rename(from, to)?;
    let folder = to.parent().unwrap_or(to);
    std::fs::File::open(folder)?.sync_all()
}
