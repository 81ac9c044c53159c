use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::Refusal;

/// What stands behind the `?` of a request.
pub(super) struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let asked = Query::try_from_uri(&parts.uri);
        let malformed = |error: axum::extract::rejection::QueryRejection| {
            Refusal::malformed(error.body_text(), "look at what this address takes in docs/http.md")
        };
        asked.map(|Query(asked)| Self(asked)).map_err(malformed)
    }
}
