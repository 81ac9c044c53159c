use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::put;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use millrace_orchestrator::{Gate, Refusal, object_endpoint};
use millrace_protocol::Address;
use millrace_spec::Sha256;
use tokio::task::JoinHandle;

/// Where a worker's objects go.
pub struct Endpoint {
    /// When it answered last.
    answered: Arc<Mutex<Instant>>,
    serving: JoinHandle<()>,
    pub url: String,
}

impl Endpoint {
    pub async fn serve(routes: Router) -> Self {
        let answered = Arc::new(Mutex::new(Instant::now()));
        let last = answered.clone();
        let routes = routes.layer(map_response(move |response: Response| {
            *last.lock().expect("nobody panics") = Instant::now();
            async { response }
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it goes on") });
        Self { answered, serving, url }
    }

    pub fn answered(&self) -> Instant {
        *self.answered.lock().expect("nobody panics")
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The orchestrator's, its objects in this folder.
pub fn storing(folder: &Path) -> Router {
    object_endpoint(folder, Leased).expect("a folder")
}

/// Throws away what that has stored: the disk is small.
pub fn clear(folder: &Path) {
    for folder in std::fs::read_dir(folder.join("complete")).expect("a folder") {
        for object in std::fs::read_dir(folder.expect("a folder").path()).expect("a folder") {
            std::fs::remove_file(object.expect("an object").path()).expect("it goes");
        }
    }
}

/// Receives every byte and keeps none, as if an orchestrator did its part on a machine of its own.
pub fn receiving() -> Router {
    let taken = |status: StatusCode| {
        put(async move |body: Body| {
            let mut pieces = body.into_data_stream();
            while let Some(piece) = pieces.next().await {
                piece.expect("the worker sends on");
            }
            status
        })
    };
    Router::new()
        .route("/v1/uploads/{id}", taken(StatusCode::ACCEPTED))
        .route("/v1/objects/{sha256}", taken(StatusCode::CREATED))
}

/// What any worker with a lease may.
struct Leased;

impl Gate for Leased {
    fn may_read(&self, _: Sha256, _: Address) -> BoxFuture<'_, Result<(), Refusal>> {
        async { Ok(()) }.boxed()
    }

    fn may_stage(&self, _: Address) -> BoxFuture<'_, Result<(), Refusal>> {
        async { Ok(()) }.boxed()
    }

    fn link_measured(&self, _: Address, _: u32) {}
}
