//! What Prometheus finds at a worker.

use std::sync::Arc;

use millrace_protocol::Diagnostic;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

async fn rig() -> Rig {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let on_any_port = |options: &mut millrace_worker::Options| options.metrics = Some(([127, 0, 0, 1], 0).into());
    Rig::start_with(engine, Objects::default(), offer::spec("true"), on_any_port).await
}

#[tokio::test]
async fn a_scrape_tells_what_the_worker_holds() {
    let mut rig = rig().await;
    rig.leased().await;
    let address = rig.worker.as_ref().unwrap().metrics().unwrap();
    let answer = reqwest::get(format!("http://{address}/metrics")).await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answer.text().await.unwrap();
    for line in ["millrace_worker_connected 1", "millrace_worker_offers_accepted_total 1", "# EOF"] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("simulated=\"yes\""), "{text}");
    let elsewhere = reqwest::get(format!("http://{address}/")).await.unwrap();
    assert_eq!(elsewhere.status(), 404);
    rig.stop().await;
    assert!(reqwest::get(format!("http://{address}/metrics")).await.is_err(), "it goes with the worker");
}

#[tokio::test]
async fn a_worker_says_where_it_cannot_serve_them() {
    let mut rig = rig().await;
    let taken = rig.worker.as_ref().unwrap().metrics().unwrap();
    rig.stop().await;
    let _holder = std::net::TcpListener::bind(taken).unwrap();
    // The port is chosen when the options are made, and a tweak knows nothing of this test.
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = rig.worker_with(folder.path(), |options| options.metrics = Some(taken)).await else {
        panic!("it serves on a port that is taken")
    };
    assert_eq!(error.code(), "metrics-address-unusable");
    assert!(error.to_string().contains(&taken.to_string()));
}

#[tokio::test]
async fn nothing_is_served_unasked() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start(engine, Objects::default(), offer::spec("true")).await;
    assert_eq!(rig.worker.as_ref().unwrap().metrics(), None);
    rig.stop().await;
}
