//! Uploads that begin before their hash is known: pieces go to an upload of this client's choice, each hashed before it
//! is sent, and the last one goes to the object, which by then has a name. Whatever fails on the way, the rest of the
//! file is hashed and sent as any other: what the endpoint has of the upload counts as sent.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use millrace_spec::{ObjectRef, Sha256};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE};
use reqwest::{Body, Method, StatusCode};
use sha2::Digest;
use tokio::sync::mpsc::channel;

use super::transfer::{Ahead, Begun, Source, range, upload};
use super::{Error, ObjectClient, PIECE, beside, hash_file};

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
    let (mut reader, mut staging, mut length) = (reader, true, PIECE);
    while total - reader.offset > PIECE {
        let from = reader.offset;
        // What is left for the end goes to the object, and is not empty.
        let end = (from + length).min(total - 1);
        let began = Instant::now();
        (reader, staging) = stage(client, id, reader, end, staging).await.map_err(failed)?;
        if reader.offset != end {
            return Err(Error::Changed { path: path.to_owned() });
        }
        length = if began.elapsed() < FAST { (length * 2).min(LONGEST) } else { PIECE };
    }
    let from = reader.offset;
    let (reader, last) = reader.next(total - from).await.map_err(failed)?;
    let complete = reader.offset == total;
    let Some(sha256) = reader.finish().map_err(failed)?.filter(|_| complete) else {
        return Err(Error::Changed { path: path.to_owned() });
    };
    let object = ObjectRef { sha256, size: total };
    let (id, ahead) = ((from > 0).then_some(id), Ahead(staging.then_some((from, last))));
    upload(client, object, &Source::File(path), Begun { id, ahead }).await?;
    Ok(object)
}

pub(super) async fn put_again(client: &ObjectClient, path: &Path) -> Result<ObjectRef, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let id = id(path, &tokio::fs::metadata(path).await.map_err(failed)?);
    let object = hash_file(path).await?;
    upload(client, object, &Source::File(path), Begun { id: Some(id), ahead: Ahead::default() }).await?;
    Ok(object)
}

/// Reads and hashes up to `end`, and sends what it reads meanwhile if `sending`; whether the endpoint has taken it. Why
/// not does not matter: whatever it is, sending the rest meets it again.
async fn stage(
    client: &ObjectClient,
    id: Sha256,
    mut reader: Reader,
    end: u64,
    sending: bool,
) -> io::Result<(Reader, bool)> {
    let (from, total) = (reader.offset, reader.size);
    let request = client.signed(Method::PUT, &format!("/v1/uploads/{id}")).ok().filter(|_| sending);
    let (parts, body) = channel::<io::Result<Bytes>>(AHEAD);
    let sent = async {
        let Some(request) = request else { return false };
        let body = stream::unfold(body, |mut body| async { body.recv().await.map(|part| (part, body)) });
        let length = end - from;
        let request = request.header(CONTENT_RANGE, range(from, length, total)).header(CONTENT_LENGTH, length);
        let answer = request.body(Body::wrap_stream(body)).send().await;
        answer.is_ok_and(|response| response.status() == StatusCode::ACCEPTED)
    };
    let read = async {
        let parts = parts;
        while reader.offset < end {
            let part;
            let length = PART.min(end - reader.offset);
            (reader, part) = reader.next(length).await?;
            if part.is_empty() {
                break;
            }
            // Nobody takes it any more where sending failed: it is hashed all the same.
            let _ = parts.send(Ok(part)).await;
        }
        io::Result::Ok(reader)
    };
    let (sent, read) = tokio::join!(sent, read);
    Ok((read?, sent))
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

/// A file that is read once, piece by piece, and hashed on the way.
struct Reader {
    file: File,
    hasher: sha2::Sha256,
    /// When it was opened.
    size: u64,
    offset: u64,
}

impl Reader {
    fn open(path: &Path) -> io::Result<(Self, Sha256)> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok((Self { file, hasher: sha2::Sha256::new(), size: metadata.len(), offset: 0 }, id(path, &metadata)))
    }

    /// The next `length` bytes, fewer only at the end.
    async fn next(mut self, length: u64) -> io::Result<(Self, Bytes)> {
        let read = move || {
            let mut part = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
            Read::by_ref(&mut self.file).take(length).read_to_end(&mut part)?;
            self.hasher.update(&part);
            self.offset += part.len() as u64;
            Ok((self, Bytes::from(part)))
        };
        beside(read).await
    }

    /// The hash, unless the file has grown meanwhile.
    fn finish(self) -> io::Result<Option<Sha256>> {
        let same = self.file.metadata()?.len() == self.size;
        Ok(same.then(|| Sha256(self.hasher.finalize().into())))
    }
}
