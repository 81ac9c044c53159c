//! How many uploads may be under way at once: each holds some MiB of memory until they are on the disk.

use axum::http::StatusCode;
use millrace_protocol::Address;

use super::Refusal;
use crate::places::{Full, Place, Places, Room};

/// Of one key. A rig uploads what its tasks make, some files at a time.
const PER_KEY: usize = 64;
/// Of all keys, which cost nothing.
const TOTAL: usize = 1_024;

/// Uploads under way, by key.
#[derive(Clone)]
pub(super) struct Uploads(Places<Address>);

impl Default for Uploads {
    fn default() -> Self {
        Self(Places::new(Room { total: TOTAL, per_origin: PER_KEY }))
    }
}

impl Uploads {
    /// A place for an upload of `key`'s.
    ///
    /// # Errors
    /// `uploads-too-many`: 429 where the key has too many, 503 where all have.
    pub fn begin(&self, key: Address) -> Result<Place<Address>, Refusal> {
        self.0.enter(Some(key)).map_err(|full| {
            let (status, cause) = match full {
                Full::Everywhere => (StatusCode::SERVICE_UNAVAILABLE, format!("{TOTAL} uploads are under way")),
                Full::OfOrigin => (StatusCode::TOO_MANY_REQUESTS, format!("{PER_KEY} uploads of {key} are under way")),
            };
            let hint = "wait until others are complete; what is here already need not come again";
            Refusal::new(status, "uploads-too-many", cause, hint)
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    fn status(begun: Result<Place<Address>, Refusal>) -> Option<StatusCode> {
        begun.err().map(|refusal| refusal.into_response().status())
    }

    #[test]
    fn a_key_has_so_many_uploads_at_once_and_all_keys_so_many() {
        let uploads = Uploads::default();
        let key = |number: usize| Address([u8::try_from(number).unwrap(); 32]);
        let mut under_way: Vec<_> = (0..PER_KEY).map(|_| uploads.begin(key(0)).unwrap()).collect();
        assert_eq!(status(uploads.begin(key(0))), Some(StatusCode::TOO_MANY_REQUESTS));
        let others = (1..TOTAL / PER_KEY).flat_map(|number| (0..PER_KEY).map(move |_| number));
        under_way.extend(others.map(|number| uploads.begin(key(number)).unwrap()));
        assert_eq!(status(uploads.begin(key(99))), Some(StatusCode::SERVICE_UNAVAILABLE));
        drop(under_way);
        assert!(uploads.begin(key(99)).is_ok());
    }
}
