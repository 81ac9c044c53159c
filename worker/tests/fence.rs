//! A rig that cannot keep strangers out of its networks gives them none.

use std::sync::Arc;

use millrace_link::grpc::{Fault, Phase, offer_reply};
use millrace_spec::JobSpec;
use millrace_worker::container::NetworkAccess;
use millrace_worker::control::{self, Ask};
use millrace_worker::status::Status;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

fn spec() -> JobSpec {
    JobSpec { network: true, ..offer::spec("true") }
}

#[tokio::test]
async fn it_takes_no_job_that_wants_a_network() {
    let engine = FakeEngine::new(Script::RunUntilStopped);
    *engine.fence.lock().unwrap() = Err("Operation not permitted".into());
    let mut rig = Rig::start(Arc::new(engine), Objects::default(), spec()).await;
    let status: Status = control::ask(rig.data(), Ask::Status).await.unwrap();
    assert_eq!(status.troubles[0].code, "network-unfenced", "its owner is told why");
    match rig.offer().await {
        offer_reply::Result::Refusal(refusal) => assert_eq!(refusal.code, "network-forbidden"),
        offer_reply::Result::Signature(_) => panic!("a rig without a fence has taken a job with a network"),
    }
    rig.stop().await;
}

#[tokio::test]
async fn it_stops_one_that_runs_when_the_fence_does_not_stand_any_more() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start(engine.clone(), Objects::default(), spec()).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    assert!(matches!(engine.plan().network, NetworkAccess::Internet { .. }));
    *engine.fence.lock().unwrap() = Err("Operation not permitted".into());
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("network-unfenced", Fault::Node));
    assert!(failure.cause.contains("Operation not permitted"), "{}", failure.cause);
    assert!(rig.is_clean().await);
    rig.stop().await;
}

#[tokio::test]
async fn a_job_without_a_network_needs_no_fence() {
    let engine = FakeEngine::new(Script::Exit { code: 0, files: vec![] });
    *engine.fence.lock().unwrap() = Err("nft: No such file or directory".into());
    let engine = Arc::new(engine);
    let mut rig = Rig::start(engine.clone(), Objects::default(), offer::spec("true")).await;
    rig.leased().await;
    rig.assign(0);
    assert_eq!(rig.orchestrator.end().await.phase(), Phase::Done);
    rig.stop().await;
}
