//! Client side of the object endpoint: content-addressed, streamed, resumable, checked at this end
//! by hash and at the other by hash again.
//!
//! An upload goes in pieces of [`PIECE`] bytes, each a `PUT` with `Content-Range`; whoever comes
//! back after a break asks with `HEAD` where to go on. A download goes into `<name>.partial` beside
//! its destination and goes on from there.
//!
//! An object's name is its hash. What the endpoint may have already is hashed first; what is new is
//! hashed while it is sent ([`staging`]).

mod error;
mod staging;
mod transfer;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use ed25519_dalek::SigningKey;
use millrace_protocol::UnixSeconds;
use millrace_spec::{ObjectRef, Sha256};
use reqwest::header::{DATE, HeaderMap};
use reqwest::{Method, RequestBuilder, Url};
use sha2::Digest;

use crate::auth::CLOCK_TOLERANCE_SECONDS;
pub use error::Error;

/// Header in which the endpoint tells how many bytes of an incomplete object it has.
pub const OFFSET_HEADER: &str = "upload-offset";
/// Header of a request for an object that names what was sent of it before its hash was known.
pub const UPLOAD_HEADER: &str = "upload-id";
/// Bytes sent in one request.
pub const PIECE: u64 = 8 * 1024 * 1024;
/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long an endpoint may stay silent. Runs while a piece is sent, too: [`PIECE`] at half a
/// megabit a second.
const SILENCE: Duration = Duration::from_secs(150);
/// How often in a row a request may fail in transit before the transfer is given up.
const TRIES: u32 = 6;

/// Puts and gets objects, signing each request with one key.
#[derive(Clone)]
pub struct ObjectClient {
    base: String,
    key: Arc<SigningKey>,
    http: reqwest::Client,
    /// Seconds that the endpoint's clock is ahead of this machine's, once it has refused a signature for that: a clock
    /// that was set by accident must not cost what was worked on for hours.
    ahead: Arc<AtomicI64>,
}

impl ObjectClient {
    /// `base_url` is the orchestrator's HTTP address, such as `http://127.0.0.1:8080`.
    pub fn new(base_url: &str, key: Arc<SigningKey>) -> Self {
        Self::with_silence(base_url, key, SILENCE)
    }

    /// `silence` is how long the endpoint may say nothing before a request counts as failed: a
    /// transfer that hangs would hold up whatever waits for it.
    fn with_silence(base_url: &str, key: Arc<SigningKey>, silence: Duration) -> Self {
        let http = reqwest::Client::builder().connect_timeout(CONNECTING).read_timeout(silence).build();
        // What can fail is TLS and the resolver, as in `Client::new`.
        let http = http.expect("an HTTP client without options that could fail");
        Self { base: base_url.trim_end_matches('/').to_owned(), key, http, ahead: Arc::default() }
    }

    /// Uploads a file unless the endpoint has it already.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, [`Error::Changed`] when it changes meanwhile,
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn put_file(&self, path: &Path) -> Result<ObjectRef, Error> {
        let object = hash_file(path).await?;
        transfer::upload(self, object, &transfer::Source::File(path), transfer::Begun::default()).await?;
        Ok(object)
    }

    /// Uploads a file that the endpoint cannot have yet: it is read once, and sent while it is hashed.
    ///
    /// # Errors
    /// Those of [`Self::put_file`].
    pub async fn put_new_file(&self, path: &Path) -> Result<ObjectRef, Error> {
        staging::put(self, path).await
    }

    /// Goes on with [`Self::put_new_file`] after it failed or its process died, however far it came. The file is the
    /// same, under the same path.
    ///
    /// # Errors
    /// Those of [`Self::put_file`].
    pub async fn put_file_again(&self, path: &Path) -> Result<ObjectRef, Error> {
        staging::put_again(self, path).await
    }

    /// Uploads bytes unless the endpoint has them already.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn put_bytes(&self, bytes: &[u8]) -> Result<ObjectRef, Error> {
        let object = ObjectRef { sha256: millrace_spec::sha256(bytes), size: bytes.len() as u64 };
        transfer::upload(self, object, &transfer::Source::Bytes(bytes), transfer::Begun::default()).await?;
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
        self.signed(method, &format!("/v1/objects/{sha256}"))
    }

    fn signed(&self, method: Method, path: &str) -> Result<RequestBuilder, Error> {
        let url = format!("{}{path}", self.base);
        let url = Url::parse(&url).map_err(|_| Error::BadEndpoint { url: self.base.clone() })?;
        let now = UnixSeconds(seconds(SystemTime::now()).saturating_add_signed(self.ahead.load(Ordering::Relaxed)));
        let authorization = crate::auth::authorization(&self.key, method.as_str(), url.path(), now);
        Ok(self.http.request(method, url).header("authorization", authorization))
    }

    /// Signs by the endpoint's clock from now on, where its answer shows that it is another. A signature is good for one
    /// request alone, whatever time is on it. Whether it was another than was signed by.
    fn set_clock(&self, answered: &HeaderMap) -> bool {
        let told = answered.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        let Some(told) = told else { return false };
        let ahead = i128::from(seconds(told)) - i128::from(seconds(SystemTime::now()));
        let Ok(ahead) = i64::try_from(ahead) else { return false };
        let known = self.ahead.swap(ahead, Ordering::Relaxed);
        ahead.abs_diff(known) > CLOCK_TOLERANCE_SECONDS
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// Size and hash of a file, as long as it is when it is opened.
///
/// # Errors
/// [`Error::File`], [`Error::Changed`] when it becomes longer or shorter meanwhile.
pub async fn hash_file(path: &Path) -> Result<ObjectRef, Error> {
    let owned = path.to_owned();
    let opened = beside(move || {
        let file = File::open(owned)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    });
    let (file, size) = opened.await.map_err(|source| Error::File { path: path.to_owned(), source })?;
    hash_opened(path, file, size).await
}

/// The same of a file that is open, and was of this size then.
async fn hash_opened(path: &Path, file: impl Read + Send + 'static, size: u64) -> Result<ObjectRef, Error> {
    let awaited = Arc::new(());
    let waiter = Arc::downgrade(&awaited);
    let hashed = beside(move || hash(file, size, &waiter)).await;
    let hashed = hashed.map_err(|source| Error::File { path: path.to_owned(), source })?;
    let changed = || Error::Changed { path: path.to_owned() };
    hashed.map(|sha256| ObjectRef { sha256, size }).ok_or_else(changed)
}

/// `None` where the file has another size than it had, or nobody waits for its hash any more: this runs where nothing
/// can break it off, and whoever writes to the file may make it as long as they like.
fn hash(file: impl Read, size: u64, waiter: &Weak<()>) -> io::Result<Option<Sha256>> {
    // A byte more than there should be tells that it has grown.
    let mut file = file.take(size.saturating_add(1));
    let (mut hasher, mut hashed, mut buffer) = (sha2::Sha256::new(), 0, vec![0; 256 * 1024]);
    while waiter.strong_count() > 0 {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hashed == size).then(|| Sha256(hasher.finalize().into())));
        }
        hasher.update(&buffer[..read]);
        hashed += read as u64;
    }
    Ok(None)
}

/// Reads files where that holds nobody up.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Where a download lies until it is complete.
fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// Accepts connections and says nothing, like a machine that is stuck.
    async fn silent() -> (String, tokio::net::TcpListener) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        (format!("http://{}", listener.local_addr().unwrap()), listener)
    }

    /// An endpoint that answers every request, each on a connection of its own, as told.
    async fn answering(answer: impl Fn(&str) -> String + Send + 'static) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let read = stream.read(&mut request).await.unwrap_or_default();
                let answer = answer(&String::from_utf8_lossy(&request[..read]));
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await;
            }
        });
        url
    }

    /// An answer of this status, with this header line and body.
    fn answer(status: &str, header: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
    }

    /// Knows no object, and takes none.
    async fn overloaded() -> String {
        answering(|request| answer(if request.starts_with("HEAD") { "404 Not Found" } else { "503 Busy" }, "", ""))
            .await
    }

    /// A file that becomes longer each time somebody reads on, and never ends.
    struct Growing;

    impl Read for Growing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(7);
            Ok(buffer.len())
        }
    }

    #[tokio::test]
    async fn a_file_that_grows_while_it_is_hashed_is_read_no_further_than_it_was_long() {
        let path = Path::new("frame");
        let hashed = tokio::time::timeout(Duration::from_secs(30), hash_opened(path, Growing, 1_000_000));
        let error = hashed.await.expect("it reads on for ever").unwrap_err();
        assert!(matches!(&error, Error::Changed { path: changed } if changed == path), "{error:?}");
        let whole = hash_opened(path, Growing.take(1_000_000), 1_000_000).await.unwrap();
        assert_eq!(whole, ObjectRef { sha256: millrace_spec::sha256(&[7; 1_000_000]), size: 1_000_000 });
        let error = hash_opened(path, Growing.take(999_999), 1_000_000).await.unwrap_err();
        assert!(matches!(error, Error::Changed { .. }), "it has become shorter: {error:?}");
    }

    #[test]
    fn a_file_is_hashed_no_longer_than_somebody_waits() {
        let awaited = Arc::new(());
        let waiter = Arc::downgrade(&awaited);
        let reading = std::thread::spawn(move || hash(Growing, u64::MAX, &waiter));
        drop(awaited);
        assert_eq!(reading.join().unwrap().unwrap(), None);
    }

    #[tokio::test]
    async fn an_endpoint_that_answers_questions_and_takes_nothing_is_given_up() {
        let client = ObjectClient::new(&overloaded().await, Arc::new(SigningKey::from_bytes(&[7; 32])));
        let stored = tokio::time::timeout(Duration::from_secs(30), client.put_bytes(b"frame"));
        let error = stored.await.expect("it goes on for ever").unwrap_err();
        assert!(matches!(error, Error::Unexpected { status: 503 }), "{error:?}");
    }

    /// Takes what was signed by its own clock, which is behind this machine's; for anything else it has the answer of a
    /// disk that is full.
    async fn behind(by: u64) -> String {
        answering(move |request| {
            let header = request.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap();
            let mut words = request.split_whitespace();
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            let now = SystemTime::now() - Duration::from_secs(by);
            let known = crate::auth::authenticate(header, method, path, UnixSeconds(seconds(now)));
            let status = if known.is_ok() { "507 Full" } else { "401 Unauthorized" };
            answer(status, &format!("date: {}\r\n", httpdate::fmt_http_date(now)), "")
        })
        .await
    }

    #[tokio::test]
    async fn a_clock_that_was_set_costs_nothing_and_an_endpoint_that_is_full_is_asked_again() {
        let key = Arc::new(SigningKey::from_bytes(&[7; 32]));
        let client = ObjectClient::new(&behind(86_400).await, key.clone());
        let error = client.put_bytes(b"frame").await.unwrap_err();
        assert!(matches!(error, Error::Unexpected { status: 507 }), "its signature is good: {error:?}");
        assert!(error.is_passing(), "others' objects go, too");
        // One that refuses for another reason is not asked again.
        let client = ObjectClient::new(&answering(|_| answer("401 Unauthorized", "", "")).await, key);
        let error = client.put_bytes(b"frame").await.unwrap_err();
        assert!(matches!(error, Error::Unexpected { status: 401 }) && !error.is_passing(), "{error:?}");
    }

    #[tokio::test]
    async fn a_clock_that_nothing_mends_is_waited_for() {
        const BODY: &str = r#"{"code":"authorization-out-of-time","cause":"late","hint":"set the clock"}"#;
        let url = answering(|_| answer("401 Late", "", BODY));
        let client = ObjectClient::new(&url.await, Arc::new(SigningKey::from_bytes(&[7; 32])));
        let error = client.get_bytes(Sha256([1; 32]), 10).await.unwrap_err();
        assert!(matches!(error, Error::OutOfTime) && error.is_passing(), "{error:?}");
        assert_eq!(millrace_protocol::Diagnostic::code(&error), "authorization-out-of-time");
    }

    #[tokio::test]
    async fn an_endpoint_that_says_nothing_is_given_up() {
        let (url, _listener) = silent().await;
        let key = Arc::new(SigningKey::from_bytes(&[7; 32]));
        let client = ObjectClient::with_silence(&url, key, Duration::from_millis(20));
        let fetched = tokio::time::timeout(Duration::from_secs(30), client.get_bytes(Sha256([1; 32]), 10));
        assert!(matches!(fetched.await.expect("it hangs"), Err(Error::Unreachable(_))));
        let stored = tokio::time::timeout(Duration::from_secs(30), client.put_bytes(b"frame"));
        assert!(matches!(stored.await.expect("it hangs"), Err(Error::Unreachable(_))));
    }
}
