//! What keeps a worker from starting: each with its code, before anything was promised.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use axum::routing::post;
use axum::{Json, Router};
use millrace_client::Keypair;
use millrace_protocol::Diagnostic;
use millrace_worker::{Error, Options, Service};
use serde_json::{Value, json};

use crate::support::docker_is_here;

/// A chain on which nobody has registered anything.
async fn empty_chain() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

async fn answer(Json(request): Json<Value>) -> Json<Value> {
    let result = match request["method"].as_str() {
        Some("getSlot") => json!(7),
        Some("getProgramAccounts") => json!([]),
        other => panic!("a worker has no use for {other:?}"),
    };
    Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }))
}

async fn refusal(rpc: &str, tweak: impl FnOnce(&mut Options)) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new("http://127.0.0.1:1", Keypair::new(), folder.path(), vec![rpc.to_owned()]);
    tweak(&mut options);
    let Err(error) = Service::start(options).await else { panic!("the worker has started") };
    assert!(!error.hint().is_empty());
    error
}

#[tokio::test]
async fn an_engine_that_does_not_answer() {
    let missing = Some("unix:///run/no-such-docker.sock".to_owned());
    let error = refusal("http://127.0.0.1:1", |options| options.docker_host = missing).await;
    assert_eq!(error.code(), "engine-unreachable");
    assert!(error.to_string().contains("/run/no-such-docker.sock") && error.hint().contains("dockerd"));
}

#[tokio::test]
async fn a_folder_that_holds_something_of_others() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("letters"), "dear").unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Told before anybody is asked: there is neither an engine nor a chain.
    let missing = Some("unix:///run/no-such-docker.sock".to_owned());
    let error = refusal("http://127.0.0.1:1", |options| {
        (options.data_dir, options.docker_host) = (home.path().to_owned(), missing);
    })
    .await;
    assert_eq!(error.code(), "data-folder-foreign");
    assert!(error.to_string().contains("letters") && error.hint().contains("--data-dir"), "{error}");
    assert_eq!(fs::metadata(home.path()).unwrap().permissions().mode() & 0o777, 0o755);
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["letters"]);
}

#[tokio::test]
async fn a_chain_that_does_not_answer() {
    if !docker_is_here() {
        return;
    }
    let error = refusal("http://127.0.0.1:1", |_| {}).await;
    assert!(matches!(error, Error::Chain(_)), "{error:?}");
}

#[tokio::test]
async fn a_key_that_the_chain_does_not_know() {
    if !docker_is_here() {
        return;
    }
    let error = refusal(&empty_chain().await, |_| {}).await;
    assert_eq!(error.code(), "node-unknown");
    assert!(error.hint().contains("millrace node add"));
}
