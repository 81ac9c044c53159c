use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Stands in for Docker: on a socket of its own it says of itself what a test wants, and does nothing else. It has no
/// networks to tell of, so nobody puts up a fence for it.
pub struct ToldEngine {
    told: Arc<Mutex<Value>>,
    folder: TempDir,
}

impl ToldEngine {
    /// One with which nothing is wrong.
    pub fn start() -> Self {
        let told = Arc::new(Mutex::new(json!({
            "ServerVersion": "28.5.2",
            "CgroupVersion": "2",
            "MemoryLimit": true,
            "SwapLimit": true,
            "PidsLimit": true,
            "CpuCfsQuota": true,
            "SecurityOptions": ["name=seccomp,profile=builtin", "name=userns"],
            "RuncCommit": { "ID": "v1.3.3-0-gd842d771" },
            "DockerRootDir": "/var/lib/docker/165536.165536",
            "Runtimes": { "runc": { "path": "runc" }, "runsc": { "path": "/usr/bin/runsc" } },
            "NCPU": 8,
            "MemTotal": 8_589_934_592u64,
        })));
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let version = || async { Json(json!({ "Version": "28.5.2", "ApiVersion": "1.41", "MinAPIVersion": "1.24" })) };
        let routes = Router::new()
            .route("/version", get(version))
            .route("/v1.41/version", get(version))
            .route("/info", get(info))
            .route("/v1.41/info", get(info))
            .fallback(|| async { (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "message": "a stand-in" }))) })
            .with_state(told.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { told, folder }
    }

    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    /// From now on it says this under the name.
    pub fn say(&self, name: &str, value: Value) {
        self.told.lock().unwrap()[name] = value;
    }
}

async fn info(State(told): State<Arc<Mutex<Value>>>) -> Response {
    Json(told.lock().unwrap().clone()).into_response()
}
