//! Client side of the object endpoint: content-addressed, streamed, resumable, checked at this end
//! by hash and at the other by hash again.
//!
//! An upload goes in pieces of [`PIECE`] bytes, each a `PUT` with `Content-Range`; whoever comes
//! back after a break asks with `HEAD` where to go on. A download goes into `<name>.partial` beside
//! its destination and goes on from there.

mod error;
mod transfer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ed25519_dalek::SigningKey;
use millrace_protocol::UnixSeconds;
use millrace_spec::{ObjectRef, Sha256};
use reqwest::{Method, RequestBuilder, Url};
use sha2::Digest;
use tokio::io::AsyncReadExt;

pub use error::Error;

/// Header in which the endpoint tells how many bytes of an incomplete object it has.
pub const OFFSET_HEADER: &str = "upload-offset";
/// Bytes sent in one request.
pub const PIECE: u64 = 8 * 1024 * 1024;
/// How often in a row a request may fail in transit before the transfer is given up.
const TRIES: u32 = 6;

/// Puts and gets objects, signing each request with one key.
#[derive(Clone)]
pub struct ObjectClient {
    base: String,
    key: Arc<SigningKey>,
    http: reqwest::Client,
}

impl ObjectClient {
    /// `base_url` is the orchestrator's HTTP address, such as `http://127.0.0.1:8080`.
    pub fn new(base_url: &str, key: Arc<SigningKey>) -> Self {
        Self { base: base_url.trim_end_matches('/').to_owned(), key, http: reqwest::Client::new() }
    }

    /// Uploads a file unless the endpoint has it already.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, [`Error::Changed`] when it changes meanwhile,
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn put_file(&self, path: &Path) -> Result<ObjectRef, Error> {
        let object = hash_file(path).await?;
        transfer::upload(self, object, &transfer::Source::File(path)).await?;
        Ok(object)
    }

    /// Uploads bytes unless the endpoint has them already.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn put_bytes(&self, bytes: &[u8]) -> Result<ObjectRef, Error> {
        let object = ObjectRef { sha256: millrace_spec::sha256(bytes), size: bytes.len() as u64 };
        transfer::upload(self, object, &transfer::Source::Bytes(bytes)).await?;
        Ok(object)
    }

    /// Downloads an object to `path`, which appears only once its hash is right. A file that is
    /// there already and has the right hash is left alone.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::NotFound`], [`Error::HashMismatch`], [`Error::Unreachable`], [`Error::Refused`].
    pub async fn get_to_file(&self, object: &ObjectRef, path: &Path) -> Result<(), Error> {
        if tokio::fs::try_exists(path).await.is_ok_and(|exists| exists) && hash_file(path).await? == *object {
            return Ok(());
        }
        transfer::download(self, object, path).await
    }

    /// Downloads a small object into memory.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::NotFound`], [`Error::HashMismatch`], [`Error::Unreachable`], [`Error::Refused`].
    pub async fn get_bytes(&self, sha256: Sha256, max_bytes: u64) -> Result<Vec<u8>, Error> {
        transfer::fetch(self, sha256, max_bytes).await
    }

    fn request(&self, method: Method, sha256: Sha256) -> Result<RequestBuilder, Error> {
        let url = format!("{}/v1/objects/{}", self.base, sha256);
        let url = Url::parse(&url).map_err(|_| Error::BadEndpoint { url: self.base.clone() })?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now = UnixSeconds(now.as_secs());
        let authorization = crate::auth::authorization(&self.key, method.as_str(), url.path(), now);
        Ok(self.http.request(method, url).header("authorization", authorization))
    }
}

/// Size and hash of a file.
///
/// # Errors
/// [`Error::File`].
pub async fn hash_file(path: &Path) -> Result<ObjectRef, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
    let (mut hasher, mut size, mut buffer) = (sha2::Sha256::new(), 0, vec![0; 128 * 1024]);
    loop {
        let read = file.read(&mut buffer).await.map_err(failed)?;
        if read == 0 {
            return Ok(ObjectRef { sha256: Sha256(hasher.finalize().into()), size });
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
}

/// Where a download lies until it is complete.
fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}
