use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use millrace_protocol::Diagnostic;
use millrace_spec::{ObjectRef, Sha256};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::io::AsyncWriteExt;

use super::{Error, OFFSET_HEADER, ObjectClient, PIECE, TRIES, UPLOAD_HEADER, beside, hash_file, partial_path};
use crate::auth;
use crate::rest::Problem;

/// Where an upload comes from.
pub(super) enum Source<'a> {
    File(&'a Path),
    Bytes(&'a [u8]),
}

impl Source<'_> {
    async fn piece(&self, offset: u64, length: u64) -> Result<Bytes, Error> {
        match self {
            Self::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let end = usize::try_from(offset + length).unwrap_or(usize::MAX).min(bytes.len());
                Ok(Bytes::copy_from_slice(&bytes[start..end]))
            }
            Self::File(path) => {
                let owned = path.to_path_buf();
                let read = move || {
                    let mut piece = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
                    let mut file = File::open(owned)?;
                    file.seek(SeekFrom::Start(offset))?;
                    file.take(length).read_to_end(&mut piece)?;
                    Ok(piece)
                };
                let read = beside(read).await;
                let piece = read.map_err(|source| Error::File { path: (*path).to_owned(), source })?;
                if piece.len() as u64 != length {
                    return Err(Error::Changed { path: (*path).to_owned() });
                }
                Ok(piece.into())
            }
        }
    }
}

/// What has been sent of an object before its hash was known.
#[derive(Default)]
pub(super) struct Begun {
    /// What it was sent as.
    pub id: Option<Sha256>,
    /// What comes next, if the endpoint has all that comes before.
    pub ahead: Ahead,
}

pub(super) async fn upload(
    client: &ObjectClient,
    object: ObjectRef,
    source: &Source<'_>,
    begun: Begun,
) -> Result<(), Error> {
    // The piece that comes next if this one arrives: read while that one is on its way.
    let Begun { id, mut ahead } = begun;
    let mut failures = 0;
    let mut offset = ahead.0.as_ref().map(|(from, _)| *from);
    // Only what is further than ever before is progress: being told again where to go on is none.
    let mut furthest = None;
    loop {
        let step = match offset {
            None => where_to_go_on(client, object, id).await,
            Some(from) => put_piece(client, (object, id), source, &mut ahead, from).await,
        };
        match step {
            Ok(Progress::Complete) => return Ok(()),
            Ok(Progress::At(next)) => {
                if Some(next) > furthest {
                    failures = 0;
                    furthest = Some(next);
                } else if offset.is_some() {
                    failures = again(failures, Error::Unexpected { status: 409 }).await?;
                }
                offset = Some(next);
            }
            Err(error) => {
                failures = again(failures, error).await?;
                offset = None;
            }
        }
    }
}

/// A piece that was read before its turn, and where it begins.
#[derive(Default)]
pub(super) struct Ahead(pub Option<(u64, Bytes)>);

impl Ahead {
    fn take(&mut self, from: u64) -> Option<Bytes> {
        self.0.take().filter(|(begins, _)| *begins == from).map(|(_, piece)| piece)
    }
}

enum Progress {
    Complete,
    At(u64),
}

async fn where_to_go_on(client: &ObjectClient, object: ObjectRef, id: Option<Sha256>) -> Result<Progress, Error> {
    let request = naming(client.request(Method::HEAD, object.sha256)?, id);
    let response = request.send().await.map_err(Error::Unreachable)?;
    match response.status() {
        StatusCode::OK => Ok(Progress::Complete),
        StatusCode::NOT_FOUND => Ok(Progress::At(offset_of(&response).unwrap_or(0).min(object.size))),
        _ => Err(refusal(client, response).await),
    }
}

async fn put_piece(
    client: &ObjectClient,
    (object, id): (ObjectRef, Option<Sha256>),
    source: &Source<'_>,
    ahead: &mut Ahead,
    from: u64,
) -> Result<Progress, Error> {
    let length = |from: u64| PIECE.min(object.size.saturating_sub(from));
    let piece = match ahead.take(from) {
        Some(piece) => piece,
        None => source.piece(from, length(from)).await?,
    };
    // An empty piece has no last byte: the form with `*` asks the endpoint to finish what it has.
    let range = match (piece.len() as u64).checked_sub(1) {
        Some(last) => range(from, last + 1, object.size),
        None => format!("bytes */{}", object.size),
    };
    let request = naming(client.request(Method::PUT, object.sha256)?, id).header(CONTENT_RANGE, range).body(piece);
    let next = from + length(from);
    let (response, read) = tokio::join!(request.send(), source.piece(next, length(next)));
    // Whatever is wrong with it shows when it is its turn.
    *ahead = Ahead(read.ok().map(|piece| (next, piece)));
    let response = response.map_err(Error::Unreachable)?;
    match response.status() {
        StatusCode::OK | StatusCode::CREATED => Ok(Progress::Complete),
        status @ (StatusCode::ACCEPTED | StatusCode::CONFLICT) => match offset_of(&response) {
            Some(offset) => Ok(Progress::At(offset)),
            None => Err(Error::Unexpected { status: status.as_u16() }),
        },
        _ => Err(refusal(client, response).await),
    }
}

fn naming(request: RequestBuilder, id: Option<Sha256>) -> RequestBuilder {
    match id {
        Some(id) => request.header(UPLOAD_HEADER, id.to_string()),
        None => request,
    }
}

pub(super) fn range(from: u64, length: u64, total: u64) -> String {
    format!("bytes {from}-{}/{total}", from + length - 1)
}

pub(super) async fn download(client: &ObjectClient, object: &ObjectRef, path: &Path) -> Result<(), Error> {
    let partial = partial_path(path);
    let mut failures = 0;
    loop {
        match download_rest(client, object, &partial).await {
            Ok(()) => break,
            Err(error) => failures = again(failures, error).await?,
        }
    }
    let actual = hash_file(&partial).await?;
    let failed = |source| Error::File { path: path.to_owned(), source };
    if actual != *object {
        tokio::fs::remove_file(&partial).await.map_err(failed)?;
        return Err(Error::HashMismatch { expected: object.sha256, actual: actual.sha256 });
    }
    tokio::fs::rename(&partial, path).await.map_err(failed)
}

async fn download_rest(client: &ObjectClient, object: &ObjectRef, partial: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { path: partial.to_owned(), source };
    let mut file = tokio::fs::File::options().create(true).append(true).open(partial).await.map_err(failed)?;
    let mut have = file.metadata().await.map_err(failed)?.len();
    if have > object.size {
        file.set_len(0).await.map_err(failed)?;
        have = 0;
    }
    if have == object.size {
        return Ok(());
    }
    let mut request = client.request(Method::GET, object.sha256)?;
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let response = request.send().await.map_err(Error::Unreachable)?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {}
        StatusCode::OK => {
            file.set_len(0).await.map_err(failed)?;
            have = 0;
        }
        StatusCode::NOT_FOUND => return Err(Error::NotFound { sha256: object.sha256 }),
        _ => return Err(refusal(client, response).await),
    }
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(Error::Unreachable)?;
        have += piece.len() as u64;
        if have > object.size {
            return Err(Error::TooLarge { sha256: object.sha256, maximum: object.size });
        }
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)
}

pub(super) async fn fetch(client: &ObjectClient, sha256: Sha256, maximum: u64) -> Result<Vec<u8>, Error> {
    let mut failures = 0;
    let bytes = loop {
        match fetch_once(client, sha256, maximum).await {
            Ok(bytes) => break bytes,
            Err(error) => failures = again(failures, error).await?,
        }
    };
    let actual = millrace_spec::sha256(&bytes);
    if actual != sha256 {
        return Err(Error::HashMismatch { expected: sha256, actual });
    }
    Ok(bytes)
}

async fn fetch_once(client: &ObjectClient, sha256: Sha256, maximum: u64) -> Result<Vec<u8>, Error> {
    let response = client.request(Method::GET, sha256)?.send().await.map_err(Error::Unreachable)?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Err(Error::NotFound { sha256 }),
        _ => return Err(refusal(client, response).await),
    }
    let announced = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let too_large = || Error::TooLarge { sha256, maximum };
    if announced.is_some_and(|length: u64| length > maximum) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(Error::Unreachable)?);
        if bytes.len() as u64 > maximum {
            return Err(too_large());
        }
    }
    Ok(bytes)
}

/// Waits before the next try, or gives up: what the endpoint refused it would refuse again.
async fn again(failures: u32, error: Error) -> Result<u32, Error> {
    // 409: the endpoint had another part of it than this end believed.
    let out_of_step = matches!(&error, Error::Refused { status: 409, .. } | Error::Unexpected { status: 409 });
    if !(out_of_step || error.is_passing()) || failures + 1 >= TRIES {
        return Err(error);
    }
    tokio::time::sleep(Duration::from_millis(100 << failures)).await;
    Ok(failures + 1)
}

fn offset_of(response: &Response) -> Option<u64> {
    response.headers().get(OFFSET_HEADER)?.to_str().ok()?.parse().ok()
}

async fn refusal(client: &ObjectClient, response: Response) -> Error {
    let status = response.status().as_u16();
    // By its clock, for the answer to `HEAD` has no text.
    let apart = status == 401 && client.set_clock(response.headers());
    match response.json::<Problem>().await {
        _ if apart => Error::OutOfTime,
        Ok(problem) if problem.code == auth::Error::OutOfTime.code() => Error::OutOfTime,
        Ok(problem) => Error::Refused { status, problem },
        Err(_) => Error::Unexpected { status },
    }
}
