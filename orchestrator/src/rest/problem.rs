use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use millrace_link::objects::OFFSET_HEADER;
use millrace_link::rest::Problem;
use millrace_protocol::{Diagnostic, Seconds};

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

    /// Jobs are kept so long once they are closed. Of one that is forgotten nobody knows that it was there.
    pub fn no_such_job(kept: Seconds) -> Self {
        let kept = in_words(kept);
        let hint = format!(
            "check the address and the network; a job is known here a moment after it was opened, and kept for {kept} \
             once it is closed"
        );
        Self::new(StatusCode::NOT_FOUND, "job-unknown", "there is no such job, or none any more", &hint)
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

fn in_words(Seconds(seconds): Seconds) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit)).unwrap_or((1, "second"));
    let count = seconds / unit;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

pub(super) async fn no_such_route() -> Refusal {
    let hint = "check the path and the version of the client";
    Refusal::new(StatusCode::NOT_FOUND, "route-unknown", "there is nothing at this address", hint)
}

pub(super) async fn no_such_method() -> Refusal {
    let hint = "check the method and the version of the client";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method-unknown", "nothing here is asked for in this way", hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_a_job_that_is_not_there_hears_how_long_jobs_are_kept() {
        let hint = |seconds| Refusal::no_such_job(Seconds(seconds)).problem.hint;
        assert!(hint(30 * 86_400).ends_with("and kept for 30 days once it is closed"), "{}", hint(30 * 86_400));
        assert!(hint(86_400).contains("for 1 day once"));
        assert!(hint(36 * 3_600).contains("for 36 hours once"));
        assert!(hint(90).contains("for 90 seconds once"));
    }
}
