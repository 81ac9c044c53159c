use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use millrace_spec::sha256;
use serde_json::json;

use super::registry::tar_header;

/// What `told:1` is answered with.
pub const SECRET: &str = "the LAN's own secret";

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Of zeros that the bomb unpacks to: 64 MiB, so often.
const MEMBER: usize = 64 << 20;
const MEMBERS: usize = 128;

/// A registry that means harm: `bomb:1` is an image of 8 GiB of zeros, `told:1` an answer that is nobody's business.
#[derive(Clone)]
pub struct FalseRegistry {
    /// Host and port.
    pub host: String,
    content: Arc<Content>,
}

struct Content {
    layer: Vec<u8>,
    config: Vec<u8>,
    requests: AtomicU32,
}

impl FalseRegistry {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "Cmd": ["/zeros"] },
            // Nobody ever comes to its end and finds out that it is another.
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", sha256(host.as_bytes()))] },
        });
        let mut layer = gzip(&tar_header("zeros", MEMBER * MEMBERS));
        // The parts of such a file may follow one another (RFC 1952, 2.2).
        layer.extend(gzip(&vec![0; MEMBER]).repeat(MEMBERS));
        let config = config.to_string().into_bytes();
        let content = Arc::new(Content { layer, config, requests: AtomicU32::new(0) });
        let routes = Router::new()
            .route("/v2/", get(greet))
            .route("/v2/{name}/manifests/{reference}", get(manifest))
            .route("/v2/{name}/blobs/{digest}", get(blob))
            .with_state(content.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { host, content }
    }

    /// How many have come.
    pub fn requests(&self) -> u32 {
        self.content.requests.load(Relaxed)
    }
}

impl Content {
    fn manifest(&self) -> Vec<u8> {
        let part = |kind: &str, bytes: &[u8]| {
            json!({
                "mediaType": format!("application/vnd.docker.{kind}"),
                "size": bytes.len(),
                "digest": format!("sha256:{}", sha256(bytes)),
            })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": part("container.image.v1+json", &self.config),
            "layers": [part("image.rootfs.diff.tar.gzip", &self.layer)],
        });
        manifest.to_string().into_bytes()
    }
}

async fn greet(State(content): State<Arc<Content>>) -> &'static str {
    content.requests.fetch_add(1, Relaxed);
    "{}"
}

async fn manifest(State(content): State<Arc<Content>>, Path((name, _)): Path<(String, String)>) -> Response {
    content.requests.fetch_add(1, Relaxed);
    if name == "told" {
        let body = json!({ "errors": [{ "code": "UNKNOWN", "message": SECRET }] });
        return (StatusCode::BAD_REQUEST, axum::Json(body)).into_response();
    }
    let manifest = content.manifest();
    let digest = format!("sha256:{}", sha256(&manifest));
    ([(header::CONTENT_TYPE, MANIFEST.to_owned()), ("docker-content-digest".parse().unwrap(), digest)], manifest)
        .into_response()
}

async fn blob(State(content): State<Arc<Content>>, Path((_, digest)): Path<(String, String)>) -> Response {
    content.requests.fetch_add(1, Relaxed);
    let all = [&content.layer, &content.config];
    let found = all.into_iter().find(|bytes| format!("sha256:{}", sha256(bytes)) == digest);
    found.map_or(StatusCode::NOT_FOUND.into_response(), |bytes| bytes.clone().into_response())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip is there");
    let mut stdin = gzip.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(bytes).unwrap());
        gzip.wait_with_output().unwrap().stdout
    })
}
