use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use millrace_link::objects::OFFSET_HEADER;
use millrace_protocol::Address;
use millrace_spec::{ObjectRef, Sha256};

use super::jobs::check_follower;
use super::{Authorized, Context, Refusal};
use crate::objects::{Error, Stored};

const OFFSET: HeaderName = HeaderName::from_static(OFFSET_HEADER);

pub(super) async fn head(
    State(context): State<Arc<Context>>,
    Path(sha256): Path<String>,
    _: Authorized,
) -> Result<Response, Refusal> {
    let sha256 = parse(&sha256)?;
    match context.objects.size(sha256).await {
        Ok(size) => Ok((StatusCode::OK, [(CONTENT_LENGTH, HeaderValue::from(size))]).into_response()),
        Err(error @ Error::NotFound(_)) => Err(Refusal::from(error).at_offset(context.objects.uploaded(sha256).await)),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn get(
    State(context): State<Arc<Context>>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    Authorized(key): Authorized,
) -> Result<Response, Refusal> {
    let sha256 = parse(&sha256)?;
    check_reader(&context, sha256, key).await?;
    let from = range_start(&headers)?;
    if let Some(from) = from {
        let size = context.objects.size(sha256).await?;
        if from >= size {
            let hint = "the object has no such byte";
            let cause = format!("the object has {size} bytes");
            return Err(Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "range-not-satisfiable", cause, hint));
        }
    }
    let found = context.objects.get(sha256, from.unwrap_or(0)).await?;
    let (range, size) = (found.range.clone(), found.meta.size);
    let length = HeaderValue::from(range.end - range.start);
    let body = Body::from_stream(found.into_stream());
    Ok(match from {
        None => (StatusCode::OK, [(CONTENT_LENGTH, length)], body).into_response(),
        Some(_) => {
            let sent = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            (StatusCode::PARTIAL_CONTENT, [(CONTENT_LENGTH, length)], [(CONTENT_RANGE, sent)], body).into_response()
        }
    })
}

pub(super) async fn put(
    State(context): State<Arc<Context>>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    _: Authorized,
    body: Body,
) -> Result<Response, Refusal> {
    let sha256 = parse(&sha256)?;
    let piece = piece(&headers)?;
    let object = ObjectRef { sha256, size: piece.total };
    let stored = context.objects.put(object, piece.from, piece.length, body.into_data_stream()).await?;
    Ok(match stored {
        Stored::Complete => StatusCode::CREATED.into_response(),
        Stored::Partial(offset) => (StatusCode::ACCEPTED, [(OFFSET, HeaderValue::from(offset))]).into_response(),
    })
}

/// Whoever knows an object's hash may read it. A spec's hash is no secret, it stands on chain, and the
/// spec names the hashes of all inputs: over HTTP it is only for those who may follow the job that
/// was first with it.
async fn check_reader(context: &Context, sha256: Sha256, key: Address) -> Result<(), Refusal> {
    let first = context.inbox.ask(move |driver| {
        let of_spec = driver.core.jobs().filter(|(_, entry)| entry.view.spec_hash == sha256);
        of_spec.min_by_key(|(_, entry)| entry.view.opened_slot).map(|(_, entry)| check_follower(&entry.view, key))
    });
    first.await.ok_or_else(Refusal::stopping)?.unwrap_or(Ok(()))
}

struct Piece {
    from: u64,
    length: u64,
    total: u64,
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
    let hint = "an object is named by 64 lower-case hex digits";
    sha256.parse().map_err(|_| Refusal::malformed(format!("`{sha256}` is not a SHA-256"), hint))
}
