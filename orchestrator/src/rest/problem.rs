use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use millrace_link::objects::OFFSET_HEADER;
use millrace_link::rest::Problem;
use millrace_protocol::Diagnostic;

use crate::objects;

/// A refused request.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    problem: Problem,
    /// Where an upload goes on.
    offset: Option<u64>,
}

impl Refusal {
    pub fn new(status: StatusCode, code: &str, cause: impl Into<String>, hint: &str) -> Self {
        let problem = Problem { code: code.to_owned(), cause: cause.into(), hint: hint.to_owned() };
        Self { status, problem, offset: None }
    }

    pub fn of(status: StatusCode, error: &dyn Diagnostic) -> Self {
        Self::new(status, error.code(), error.to_string(), &error.hint())
    }

    pub fn malformed(cause: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "request-malformed", cause, hint)
    }

    pub fn stopping() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "orchestrator-stopping", "the orchestrator is stopping", "try again in a moment")
    }

    pub fn no_such_job() -> Self {
        let hint = "check the address and the network; a job is known here a moment after it was opened";
        Self::new(StatusCode::NOT_FOUND, "job-unknown", "there is no such job", hint)
    }

    pub fn not_leased() -> Self {
        let cause = "only a node with a lease may send what has no hash yet";
        Self::new(StatusCode::FORBIDDEN, "object-upload-not-leased", cause, "name the object by its hash")
    }

    pub fn at_offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }
}

impl From<objects::Error> for Refusal {
    fn from(error: objects::Error) -> Self {
        let status = match &error {
            objects::Error::NotFound(_) => StatusCode::NOT_FOUND,
            objects::Error::HashMismatch { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            objects::Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            objects::Error::Gap { .. } => StatusCode::CONFLICT,
            objects::Error::PieceTooLong | objects::Error::BrokenOff => StatusCode::BAD_REQUEST,
            objects::Error::TooManyUploads => StatusCode::TOO_MANY_REQUESTS,
            objects::Error::Full => StatusCode::INSUFFICIENT_STORAGE,
            objects::Error::File(_) | objects::Error::Backend(_) | objects::Error::Damaged(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        if status.is_server_error() {
            tracing::error!(error = &error as &dyn std::error::Error, "an object request failed");
        }
        let refusal = Self::of(status, &error);
        match error {
            objects::Error::Gap { stored, .. } => refusal.at_offset(stored),
            _ => refusal,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.problem)).into_response();
        if let Some(offset) = self.offset {
            response.headers_mut().insert(HeaderName::from_static(OFFSET_HEADER), HeaderValue::from(offset));
        }
        response
    }
}

pub(super) async fn no_such_route() -> Refusal {
    let hint = "check the path and the version of the client";
    Refusal::new(StatusCode::NOT_FOUND, "route-unknown", "there is nothing at this address", hint)
}
