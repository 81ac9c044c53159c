mod meter;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use millrace_link::objects::{OFFSET_HEADER, UPLOAD_HEADER};
use millrace_protocol::Address;
use millrace_spec::Sha256;

use super::uploads::Uploads;
use super::{Authorized, Gate, Refusal};
use crate::objects::{Error, Objects, Piece, StagedId, Stored};
use meter::Meters;

const OFFSET: HeaderName = HeaderName::from_static(OFFSET_HEADER);
const UPLOAD: HeaderName = HeaderName::from_static(UPLOAD_HEADER);

/// Bytes from which on a download is measured: fewer lie in buffers on the way, and seem to be there at once.
const TELLING: u64 = 16 * 1024 * 1024;

#[derive(Clone)]
struct Endpoint {
    objects: Objects,
    gate: Arc<dyn Gate>,
    meters: Arc<Meters>,
    uploads: Uploads,
}

impl Endpoint {
    /// What comes in under `key`, measured, as long as it may.
    fn metered(
        &self,
        key: Address,
        body: Body,
    ) -> Result<impl Stream<Item = Result<Bytes, axum::Error>> + Unpin + Send + use<>, Refusal> {
        let upload = self.uploads.begin(key)?;
        let mut transfer = self.meters.transfer(key);
        Ok(body.into_data_stream().inspect_ok(move |bytes| {
            let _under_way = &upload;
            transfer.moved(bytes.len());
        }))
    }
}

/// The object endpoint, its objects in `folder`.
///
/// # Errors
/// Where the folder cannot be used.
pub fn object_endpoint(folder: &std::path::Path, gate: impl Gate) -> Result<Router, crate::Error> {
    Ok(routes(Objects::open(folder)?, Arc::new(gate)))
}

pub(super) fn routes(objects: Objects, gate: Arc<dyn Gate>) -> Router {
    Router::new()
        .route("/v1/objects/{sha256}", get(read).head(head).put(write))
        .route("/v1/uploads/{id}", put(stage))
        // They limit themselves.
        .layer(DefaultBodyLimit::disable())
        .with_state(Endpoint { objects, meters: Meters::new(gate.clone()), uploads: Uploads::default(), gate })
}

async fn head(
    State(endpoint): State<Endpoint>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    Authorized(key): Authorized,
) -> Result<Response, Refusal> {
    let sha256 = parse(&sha256)?;
    let staged = staged(&headers, key)?;
    match endpoint.objects.claim(sha256).await {
        Ok(size) => Ok((StatusCode::OK, [(CONTENT_LENGTH, HeaderValue::from(size))]).into_response()),
        Err(error @ Error::NotFound(_)) => {
            let offset = endpoint.objects.uploaded(sha256, staged).await;
            Err(Refusal::from(error).at_offset(offset))
        }
        Err(error) => Err(error.into()),
    }
}

async fn read(
    State(endpoint): State<Endpoint>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    Authorized(key): Authorized,
) -> Result<Response, Refusal> {
    let sha256 = parse(&sha256)?;
    endpoint.gate.may_read(sha256, key).await?;
    let from = range_start(&headers)?;
    if let Some(from) = from {
        let size = endpoint.objects.size(sha256).await?;
        if from >= size {
            let hint = "the object has no such byte";
            let cause = format!("the object has {size} bytes");
            return Err(Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "range-not-satisfiable", cause, hint));
        }
    }
    let found = endpoint.objects.get(sha256, from.unwrap_or(0)).await?;
    let (range, size) = (found.range.clone(), found.meta.size);
    let length = HeaderValue::from(range.end - range.start);
    let mut transfer = (range.end - range.start >= TELLING).then(|| endpoint.meters.transfer(key));
    let body = Body::from_stream(found.into_stream().inspect_ok(move |bytes| {
        if let Some(transfer) = &mut transfer {
            transfer.moved(bytes.len());
        }
    }));
    Ok(match from {
        None => (StatusCode::OK, [(CONTENT_LENGTH, length)], body).into_response(),
        Some(_) => {
            let sent = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            (StatusCode::PARTIAL_CONTENT, [(CONTENT_LENGTH, length)], [(CONTENT_RANGE, sent)], body).into_response()
        }
    })
}

async fn write(
    State(endpoint): State<Endpoint>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    Authorized(key): Authorized,
    body: Body,
) -> Result<Response, Refusal> {
    let (sha256, staged) = (parse(&sha256)?, staged(&headers, key)?);
    let stored = endpoint.objects.put(sha256, piece(&headers)?, staged, endpoint.metered(key, body)?).await?;
    Ok(match stored {
        Stored::Complete => StatusCode::CREATED.into_response(),
        Stored::Partial(offset) => accepted(offset),
    })
}

/// A piece of what gets its name with the last one: that goes to the object, and names this upload in a header.
async fn stage(
    State(endpoint): State<Endpoint>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Authorized(key): Authorized,
    body: Body,
) -> Result<Response, Refusal> {
    let staged = StagedId { owner: key, id: parse(&id)? };
    let piece = piece(&headers)?;
    endpoint.gate.may_stage(key).await?;
    Ok(accepted(endpoint.objects.stage(staged, piece, endpoint.metered(key, body)?).await?))
}

fn accepted(offset: u64) -> Response {
    (StatusCode::ACCEPTED, [(OFFSET, HeaderValue::from(offset))]).into_response()
}

/// What of the same key's a request goes on with.
fn staged(headers: &HeaderMap, owner: Address) -> Result<Option<StagedId>, Refusal> {
    let Some(id) = headers.get(UPLOAD) else { return Ok(None) };
    Ok(Some(StagedId { owner, id: parse(id.to_str().unwrap_or_default())? }))
}

/// `bytes a-b/total`; `bytes */0` for an empty object. Without the header the body is the whole.
fn piece(headers: &HeaderMap) -> Result<Piece, Refusal> {
    let hint = "send `Content-Range: bytes <first>-<last>/<total>`";
    let malformed = || Refusal::malformed("the Content-Range header cannot be read", hint);
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(range) = text(CONTENT_RANGE) else {
        let total = text(CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let total =
            total.ok_or_else(|| Refusal::malformed("neither Content-Range nor Content-Length is given", hint))?;
        return Ok(Piece { from: 0, length: total, total });
    };
    let (bounds, total) = range.strip_prefix("bytes ").and_then(|rest| rest.split_once('/')).ok_or_else(malformed)?;
    let total: u64 = total.parse().map_err(|_| malformed())?;
    if bounds == "*" {
        // Nothing more to send: check what is here.
        return Ok(Piece { from: total, length: 0, total });
    }
    let (first, last) = bounds.split_once('-').ok_or_else(malformed)?;
    let first: u64 = first.parse().map_err(|_| malformed())?;
    let last: u64 = last.parse().map_err(|_| malformed())?;
    if last < first || last >= total {
        return Err(malformed());
    }
    Ok(Piece { from: first, length: last - first + 1, total })
}

/// First byte of `Range: bytes=a-`, the one form that resuming needs.
fn range_start(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(range) = headers.get(RANGE) else { return Ok(None) };
    let start = range.to_str().ok().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let hint = "send `Range: bytes=<first>-`";
    start.map(Some).ok_or_else(|| Refusal::malformed("the Range header cannot be read", hint))
}

fn parse(sha256: &str) -> Result<Sha256, Refusal> {
    let hint = "objects and uploads are named by 64 lower-case hex digits";
    sha256.parse().map_err(|_| Refusal::malformed(format!("`{sha256}` is not a SHA-256"), hint))
}

#[cfg(test)]
mod tests;
