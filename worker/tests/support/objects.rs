use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::get;

/// Objects by hex digest. Small ones only: each comes in one piece.
#[derive(Clone, Default)]
pub struct Objects(Arc<Mutex<BTreeMap<String, Bytes>>>, Arc<AtomicU32>, Arc<Hold>, Arc<AtomicU32>);

/// An upload that gets no answer.
#[derive(Default)]
struct Hold {
    /// How many uploads come until then, it included; zero: none is held.
    left: AtomicU32,
    /// Whether its bytes are stored nevertheless.
    stored: AtomicBool,
    holding: AtomicBool,
}

impl Objects {
    pub fn put(&self, bytes: &[u8]) -> millrace_spec::ObjectRef {
        let sha256 = millrace_spec::sha256(bytes);
        self.0.lock().unwrap().insert(sha256.to_string(), Bytes::copy_from_slice(bytes));
        millrace_spec::ObjectRef { sha256, size: bytes.len() as u64 }
    }

    /// Stores other bytes under the object's name than its own.
    pub fn corrupt(&self, object: &millrace_spec::ObjectRef) {
        let wrong = vec![b'?'; usize::try_from(object.size).unwrap()];
        self.0.lock().unwrap().insert(object.sha256.to_string(), wrong.into());
    }

    pub fn get(&self, sha256: &[u8]) -> Option<Bytes> {
        let name = sha256.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        self.0.lock().unwrap().get(&name).cloned()
    }

    /// The next `count` uploads fail, as behind a proxy whose endpoint is being restarted.
    pub fn fail(&self, count: u32) {
        self.1.store(count, Relaxed);
    }

    /// The upload of this number, counted from one, gets no answer.
    pub fn hold(&self, upload: u32, stored: bool) {
        self.2.stored.store(stored, Relaxed);
        self.2.left.store(upload, Relaxed);
    }

    /// Whether an upload waits for an answer that does not come. Says so once.
    pub fn is_holding(&self) -> bool {
        self.2.holding.swap(false, Relaxed)
    }

    /// How many uploads have come, whatever became of them.
    pub fn uploads(&self) -> u32 {
        self.3.load(Relaxed)
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The endpoint's base URL. It lives as long as the test.
    pub async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/v1/objects/{sha256}", get(read).put(write));
        let routes = routes.layer(DefaultBodyLimit::disable()).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        url
    }
}

async fn read(State(objects): State<Objects>, Path(sha256): Path<String>) -> Result<Bytes, StatusCode> {
    objects.0.lock().unwrap().get(&sha256).cloned().ok_or(StatusCode::NOT_FOUND)
}

async fn write(State(objects): State<Objects>, Path(sha256): Path<String>, body: Bytes) -> StatusCode {
    objects.3.fetch_add(1, Relaxed);
    if objects.1.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
        return StatusCode::BAD_GATEWAY;
    }
    if millrace_spec::sha256(&body).to_string() != sha256 {
        return StatusCode::BAD_REQUEST;
    }
    let left = objects.2.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
    let held = left == Ok(1);
    if !held || objects.2.stored.load(Relaxed) {
        objects.0.lock().unwrap().insert(sha256, body);
    }
    if held {
        objects.2.holding.store(true, Relaxed);
        std::future::pending::<()>().await;
    }
    StatusCode::CREATED
}
