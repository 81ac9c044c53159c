use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use millrace_link::auth;
use millrace_protocol::Address;

use super::Refusal;
use crate::clock::unix_now;

/// The key that signed the request.
pub(crate) struct Authorized(pub Address);

impl<S: Sync> FromRequestParts<S> for Authorized {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let refused = |error: &auth::Error| Refusal::of(StatusCode::UNAUTHORIZED, error);
        let header = parts.headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
        let header = header.ok_or_else(|| refused(&auth::Error::Malformed))?;
        auth::authenticate(header, parts.method.as_str(), parts.uri.path(), unix_now())
            .map(Self)
            .map_err(|error| refused(&error))
    }
}
