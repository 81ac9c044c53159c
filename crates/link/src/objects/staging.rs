//! Uploads that begin before their hash is known: pieces go to an upload of this client's choice, each hashed while it
//! is sent, and the last one goes to the object, which by then has a name. Whatever fails on the way, the rest of the
//! file is hashed and sent as any other: what the endpoint has of the upload counts as sent.

use std::fs::{File, Metadata};
use std::io::{self, IoSliceMut};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use millrace_spec::{ObjectRef, Sha256};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE};
use reqwest::{Body, Method, StatusCode};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use sha2::Digest;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::transfer::{Ahead, Begun, Source, range, upload};
use super::{Error, ObjectClient, PIECE, beside, hash_opened};

/// `RWF_DONTCACHE`, Linux 6.14 (preadv2(2)).
const UNCACHED: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);
const DOMAIN: &[u8] = b"millrace upload v1";
/// Bytes that are read and hashed at once.
const PART: u64 = 1024 * 1024;
/// How many of them may wait to be sent.
const AHEAD: usize = 4;
/// The most bytes of one request, on a fast line: a pause after each costs as much for a long one as for a short one.
const LONGEST: u64 = 8 * PIECE;
/// A line on which a request took no longer than this may be given twice as much.
const FAST: Duration = Duration::from_secs(5);

pub(super) async fn put(client: &ObjectClient, path: &Path) -> Result<ObjectRef, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let owned = path.to_owned();
    let (reader, id) = beside(move || Reader::open(&owned)).await.map_err(failed)?;
    let total = reader.size;
    let (parts, mut read) = channel(AHEAD);
    // Parts are read and hashed while others are sent, also while the endpoint answers.
    let (read_to_end, sent) = tokio::join!(reader.read(parts), send(client, id, total, &mut read));
    let sha256 = read_to_end.map_err(failed)?;
    let (Some(sha256), Some(sent)) = (sha256, sent) else { return Err(Error::Changed { path: path.to_owned() }) };
    let object = ObjectRef { sha256, size: total };
    let (id, ahead) = ((sent.from > 0).then_some(id), Ahead(sent.all.then_some((sent.from, sent.last))));
    upload(client, object, &Source::File(path), Begun { id, ahead }).await?;
    Ok(object)
}

/// All of a file but its end, which goes to the object.
struct Sent {
    /// Whether the endpoint has taken everything before the last part.
    all: bool,
    from: u64,
    last: Bytes,
}

/// Sends all parts but the last one. `None` where the file ends too early.
async fn send(client: &ObjectClient, id: Sha256, total: u64, read: &mut Receiver<Bytes>) -> Option<Sent> {
    let last = total - last_part(total);
    let (mut from, mut all, mut length) = (0, true, PIECE);
    while from < last {
        let end = (from + length).min(last);
        let began = Instant::now();
        all = stage(client, id, read, (from, end, total), all).await?;
        from = end;
        length = if began.elapsed() < FAST { (length * 2).min(LONGEST) } else { PIECE };
    }
    let last = read.recv().await?;
    Some(Sent { all, from, last })
}

/// Bytes of a file's last part, which is not empty unless the file is: what fits into one piece is one part.
fn last_part(total: u64) -> u64 {
    if total <= PIECE { total } else { (total - 1) % PART + 1 }
}

pub(super) async fn put_again(client: &ObjectClient, path: &Path) -> Result<ObjectRef, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let owned = path.to_owned();
    let (reader, id) = beside(move || Reader::open(&owned)).await.map_err(failed)?;
    let object = hash_opened(path, reader.file, reader.size).await?;
    upload(client, object, &Source::File(path), Begun { id: Some(id), ahead: Ahead::default() }).await?;
    Ok(object)
}

/// Sends what is read of a range if `sending`; whether the endpoint has taken it. Why not does not matter: whatever it
/// is, sending the rest meets it again. `None` where the file ends too early.
async fn stage(
    client: &ObjectClient,
    id: Sha256,
    read: &mut Receiver<Bytes>,
    (from, end, total): (u64, u64, u64),
    sending: bool,
) -> Option<bool> {
    let request = client.signed(Method::PUT, &format!("/v1/uploads/{id}")).ok().filter(|_| sending);
    let (parts, body) = channel::<io::Result<Bytes>>(1);
    let sent = async {
        let Some(request) = request else { return false };
        let body = stream::unfold(body, |mut body| async { body.recv().await.map(|part| (part, body)) });
        let length = end - from;
        let request = request.header(CONTENT_RANGE, range(from, length, total)).header(CONTENT_LENGTH, length);
        let answer = request.body(Body::wrap_stream(body)).send().await;
        answer.is_ok_and(|response| response.status() == StatusCode::ACCEPTED)
    };
    let passed_on = async {
        let (parts, mut offset) = (parts, from);
        while offset < end {
            let part = read.recv().await?;
            offset += part.len() as u64;
            // Nobody takes it any more where sending failed: it is hashed all the same.
            let _ = parts.send(Ok(part)).await;
        }
        Some(())
    };
    let (sent, passed_on) = tokio::join!(sent, passed_on);
    passed_on.map(|()| sent)
}

/// The same for the same file, also after a restart, and another for another.
fn id(path: &Path, metadata: &Metadata) -> Sha256 {
    let mut hasher = sha2::Sha256::new_with_prefix(DOMAIN);
    for number in [metadata.dev(), metadata.ino(), metadata.len()] {
        hasher.update(number.to_le_bytes());
    }
    for number in [metadata.mtime(), metadata.mtime_nsec()] {
        hasher.update(number.to_le_bytes());
    }
    hasher.update(path.as_os_str().as_bytes());
    Sha256(hasher.finalize().into())
}

/// Reads from `offset` on; fewer bytes only at the end.
fn fill(file: &File, part: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < part.len() {
        match read_once(file, &mut part[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// What had to be brought from the disk does not stay in memory: nobody reads it again, and fresh memory costs more
/// than reading does. Kernels and file systems that cannot do so read as ever.
fn read_once(file: &File, part: &mut [u8], offset: u64) -> io::Result<usize> {
    match preadv2(file, &mut [IoSliceMut::new(part)], offset, UNCACHED) {
        Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => file.read_at(part, offset),
        read => Ok(read?),
    }
}

/// A file that is read once, part by part, and hashed on the way.
struct Reader {
    file: Arc<File>,
    /// When it was opened.
    size: u64,
}

impl Reader {
    fn open(path: &Path) -> io::Result<(Self, Sha256)> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok((Self { file: file.into(), size: metadata.len() }, id(path, &metadata)))
    }

    /// Hands all of it on, part by part, each while it is hashed and the next one is read; the hash of all, unless the
    /// file changes meanwhile.
    async fn read(self, parts: Sender<Bytes>) -> io::Result<Option<Sha256>> {
        let (mut hasher, mut offset) = (sha2::Sha256::new(), 0);
        let mut part = self.part(offset).await?;
        loop {
            if part.len() as u64 != self.length(offset) {
                return Ok(None);
            }
            offset += part.len() as u64;
            // It is hashed, whoever takes it.
            let _ = parts.send(part.clone()).await;
            let hashed = beside(move || {
                hasher.update(&part);
                Ok(hasher)
            });
            if offset == self.size {
                let hash = hashed.await?.finalize();
                // It may have grown.
                let same = self.file.metadata()?.len() == self.size;
                return Ok(same.then(|| Sha256(hash.into())));
            }
            let (hashed, next) = tokio::join!(hashed, self.part(offset));
            (hasher, part) = (hashed?, next?);
        }
    }

    /// Bytes of the part that begins there.
    fn length(&self, offset: u64) -> u64 {
        let last = last_part(self.size);
        if offset < self.size - last { PART } else { last }
    }

    /// The part that begins there, shorter only where the file ends.
    async fn part(&self, offset: u64) -> io::Result<Bytes> {
        let (file, length) = (self.file.clone(), self.length(offset));
        let read = move || {
            let mut part = vec![0; usize::try_from(length).unwrap_or_default()];
            let read = fill(&file, &mut part, offset)?;
            part.truncate(read);
            Ok(Bytes::from(part))
        };
        beside(read).await
    }
}
