//! How many uploads may be under way at once: each holds some MiB of memory until they are on the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use millrace_protocol::Address;

use super::Refusal;

/// Of one key. A rig uploads what its tasks make, some files at a time.
const PER_KEY: usize = 64;
/// Of all keys, which cost nothing.
const TOTAL: usize = 1_024;

/// Uploads under way, by key.
#[derive(Default)]
pub(super) struct Uploads(Mutex<HashMap<Address, usize>>);

impl Uploads {
    /// A place for an upload of `key`'s.
    ///
    /// # Errors
    /// `uploads-too-many`: 429 where the key has too many, 503 where all have.
    pub fn begin(self: &Arc<Self>, key: Address) -> Result<Upload, Refusal> {
        let mut uploads = self.locked();
        let hint = "wait until others are complete; what is here already need not come again";
        let refusal = |status, cause| Err(Refusal::new(status, "uploads-too-many", cause, hint));
        if uploads.values().sum::<usize>() >= TOTAL {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, format!("{TOTAL} uploads are under way"));
        }
        let of_key = uploads.entry(key).or_default();
        if *of_key >= PER_KEY {
            return refusal(StatusCode::TOO_MANY_REQUESTS, format!("{PER_KEY} uploads of {key} are under way"));
        }
        *of_key += 1;
        Ok(Upload { uploads: self.clone(), key })
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Address, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An upload under way. Ends when it is dropped.
pub(super) struct Upload {
    uploads: Arc<Uploads>,
    key: Address,
}

impl Drop for Upload {
    fn drop(&mut self) {
        let mut uploads = self.uploads.locked();
        if let Some(of_key) = uploads.get_mut(&self.key) {
            *of_key = of_key.saturating_sub(1);
            if *of_key == 0 {
                uploads.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    fn status(begun: Result<Upload, Refusal>) -> Option<StatusCode> {
        begun.err().map(|refusal| refusal.into_response().status())
    }

    #[test]
    fn a_key_has_so_many_uploads_at_once_and_all_keys_so_many() {
        let uploads = Arc::new(Uploads::default());
        let key = |number: usize| Address([u8::try_from(number).unwrap(); 32]);
        let mut under_way: Vec<Upload> = (0..PER_KEY).map(|_| uploads.begin(key(0)).unwrap()).collect();
        assert_eq!(status(uploads.begin(key(0))), Some(StatusCode::TOO_MANY_REQUESTS));
        under_way.pop();
        under_way.push(uploads.begin(key(0)).unwrap());
        let others = (1..TOTAL / PER_KEY).flat_map(|number| (0..PER_KEY).map(move |_| number));
        under_way.extend(others.map(|number| uploads.begin(key(number)).unwrap()));
        assert_eq!(status(uploads.begin(key(99))), Some(StatusCode::SERVICE_UNAVAILABLE));
        drop(under_way);
        assert!(uploads.locked().is_empty());
    }
}
