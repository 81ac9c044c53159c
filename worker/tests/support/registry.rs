use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// What stands for an image registry: on loopback, speaking the registry's API (v2), with one image, `probe:1`, of one layer with one file.
pub struct Registry {
    /// Host and port: what image names begin with.
    pub host: String,
    /// Digest of the image's manifest.
    pub digest: String,
    /// Requests that came with no login or a wrong one.
    pub refused: Arc<AtomicU32>,
}

struct Content {
    manifest: Vec<u8>,
    config: Vec<u8>,
    layer: Vec<u8>,
}

impl Registry {
    /// Open to everybody.
    pub async fn start() -> Self {
        Self::serve(None).await
    }

    /// One that answers to a login alone, as HTTP Basic has it (RFC 7617).
    pub async fn guarded(username: &str, password: &str) -> Self {
        let expected = STANDARD.encode(format!("{username}:{password}"));
        Self::serve(Some(format!("Basic {expected}"))).await
    }

    async fn serve(login: Option<String>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        // Its own layer: another registry's image is not removed while this one is pulled.
        let layer = tar("hello", format!("from {host}").as_bytes());
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "Cmd": ["/hello"] },
            "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
        });
        let config = serde_json::to_vec(&config).unwrap();
        let blob =
            |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "size": bytes.len(), "digest": digest(bytes) });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": blob("application/vnd.docker.container.image.v1+json", &config),
            "layers": [blob("application/vnd.docker.image.rootfs.diff.tar.gzip", &layer)],
        });
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let name = digest(&manifest);
        let routes = Router::new()
            .route("/v2/", get(|| async { "{}" }))
            .route("/v2/probe/manifests/{reference}", get(manifest_of))
            .route("/v2/probe/blobs/{digest}", get(blob_of))
            .fallback(|| unknown("NAME_UNKNOWN"))
            .with_state(Arc::new(Content { manifest, config, layer }));
        let refused = Arc::<AtomicU32>::default();
        let counted = refused.clone();
        let routes = routes.layer(from_fn(move |request: Request, next: Next| {
            let came = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let welcome = login.as_deref().is_none_or(|login| came == Some(login));
            let counted = counted.clone();
            async move {
                if welcome {
                    return next.run(request).await;
                }
                counted.fetch_add(1, Relaxed);
                let body = json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "authentication required" }] });
                let realm = [(header::WWW_AUTHENTICATE, "Basic realm=\"test\"")];
                (StatusCode::UNAUTHORIZED, realm, Json(body)).into_response()
            }
        }));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { host, digest: name, refused }
    }
}

async fn manifest_of(State(content): State<Arc<Content>>, Path(reference): Path<String>) -> Response {
    let digest = digest(&content.manifest);
    if reference != "1" && reference != digest {
        return unknown("MANIFEST_UNKNOWN").await;
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MANIFEST));
    headers.insert("docker-content-digest", digest.parse().unwrap());
    (headers, content.manifest.clone()).into_response()
}

async fn blob_of(State(content): State<Arc<Content>>, Path(wanted): Path<String>) -> Response {
    match [&content.config, &content.layer].into_iter().find(|blob| digest(blob) == wanted) {
        Some(blob) => blob.clone().into_response(),
        None => unknown("BLOB_UNKNOWN").await,
    }
}

/// What the registry protocol says about names without anything behind them.
async fn unknown(code: &'static str) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": "unknown" }] });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", millrace_spec::sha256(bytes))
}

/// An archive of one file, as POSIX has it.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{:011o}", content.len()));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\u{0}00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\u{0} ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend(content);
    archive.resize(archive.len().next_multiple_of(512) + 1_024, 0);
    archive
}
