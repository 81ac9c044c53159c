//! Uploads that begin before their hash is known: pieces go to an upload of this client's choice, each hashed before it
//! is sent, and the last one goes to the object, which by then has a name. Whatever fails on the way, the rest of the
//! file is hashed and sent as any other: what the endpoint has of the upload counts as sent.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bytes::Bytes;
use millrace_spec::{ObjectRef, Sha256};
use reqwest::header::CONTENT_RANGE;
use reqwest::{Method, StatusCode};
use sha2::Digest;

use super::transfer::{Ahead, Begun, Source, range, upload};
use super::{Error, ObjectClient, PIECE, beside, hash_file};

const DOMAIN: &[u8] = b"millrace upload v1";

pub(super) async fn put(client: &ObjectClient, path: &Path) -> Result<ObjectRef, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let owned = path.to_owned();
    let (reader, id) = beside(move || Reader::open(&owned)).await.map_err(failed)?;
    let total = reader.size;
    let mut staging = total > PIECE;
    let (mut reader, mut piece) = reader.next().await.map_err(failed)?;
    let mut from = 0;
    while reader.offset < total {
        let offset = reader.offset;
        let sent = async { staging && stage(client, id, from, piece, total).await };
        let (taken, read) = tokio::join!(sent, reader.next());
        (reader, piece) = read.map_err(failed)?;
        (staging, from) = (taken, offset);
        if piece.is_empty() {
            return Err(Error::Changed { path: path.to_owned() });
        }
    }
    let Some(sha256) = reader.finish().map_err(failed)? else { return Err(Error::Changed { path: path.to_owned() }) };
    let object = ObjectRef { sha256, size: total };
    if total <= PIECE {
        // The endpoint is asked for it first: that costs little, and a small file may well be there.
        upload(client, object, &Source::Bytes(&piece), Begun::default()).await?;
    } else {
        let ahead = Ahead(staging.then_some((from, piece)));
        upload(client, object, &Source::File(path), Begun { id: Some(id), ahead }).await?;
    }
    Ok(object)
}

pub(super) async fn put_again(client: &ObjectClient, path: &Path) -> Result<ObjectRef, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let id = id(path, &tokio::fs::metadata(path).await.map_err(failed)?);
    let object = hash_file(path).await?;
    upload(client, object, &Source::File(path), Begun { id: Some(id), ahead: Ahead::default() }).await?;
    Ok(object)
}

/// Whether the endpoint has taken a piece. Why not does not matter: whatever it is, sending the rest meets it again.
async fn stage(client: &ObjectClient, id: Sha256, from: u64, piece: Bytes, total: u64) -> bool {
    let Ok(request) = client.signed(Method::PUT, &format!("/v1/uploads/{id}")) else { return false };
    let range = range(from, piece.len() as u64, total);
    let answer = request.header(CONTENT_RANGE, range).body(piece).send().await;
    answer.is_ok_and(|response| response.status() == StatusCode::ACCEPTED)
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

    /// What comes next, empty at the end.
    async fn next(mut self) -> io::Result<(Self, Bytes)> {
        let read = move || {
            let length = PIECE.min(self.size - self.offset);
            let mut piece = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
            Read::by_ref(&mut self.file).take(length).read_to_end(&mut piece)?;
            self.hasher.update(&piece);
            self.offset += piece.len() as u64;
            Ok((self, Bytes::from(piece)))
        };
        beside(read).await
    }

    /// The hash, unless the file has grown meanwhile.
    fn finish(self) -> io::Result<Option<Sha256>> {
        let same = self.file.metadata()?.len() == self.size;
        Ok(same.then(|| Sha256(self.hasher.finalize().into())))
    }
}
