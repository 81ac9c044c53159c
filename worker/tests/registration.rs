//! A start while no endpoint of the chain answers.

use std::sync::Arc;
use std::time::Duration;

use millrace_link::grpc::worker_message::Body;
use millrace_link::grpc::{Beat, Phase};
use millrace_protocol::Diagnostic;
use millrace_worker::Error;
use millrace_worker::control::{self, Ask};
use millrace_worker::status::Status;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

async fn rig() -> Rig {
    Rig::start(Arc::new(FakeEngine::new(Script::RunUntilStopped)), Objects::default(), offer::spec("true")).await
}

/// The next heartbeat that says whether the rig takes no lease.
async fn beat(rig: &mut Rig, draining: bool) -> Beat {
    let said = |body| match body {
        Body::Heartbeat(heartbeat) => heartbeat.unverified().ok().filter(|beat| beat.draining == draining),
        _ => None,
    };
    rig.orchestrator.hear_within(Duration::from_secs(40), "a heartbeat", said).await
}

async fn unfit(rig: &Rig) -> Vec<String> {
    let status: Status = control::ask(rig.data(), Ask::Status).await.unwrap();
    status.unfit.into_iter().map(|unfit| unfit.code).collect()
}

#[tokio::test]
async fn what_the_rig_holds_goes_on_and_it_takes_more_once_the_chain_says_that_it_is_registered_as_before() {
    let mut rig = rig().await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
    rig.finds_the_chain = false;
    rig.boot().await.unwrap();
    let named = beat(&mut rig, true).await.leases;
    assert_eq!(named[0].lease, rig.lease().0);
    assert_eq!(unfit(&rig).await, ["rpc-answer-malformed"]);
    *rig.chain.node.lock().unwrap() = Some(rig.node.clone());
    assert_eq!(beat(&mut rig, false).await.leases.len(), 1);
    assert!(unfit(&rig).await.is_empty());
    rig.stop().await;
}

#[tokio::test]
async fn a_rig_that_holds_nothing_does_not_start_and_says_why() {
    let mut rig = rig().await;
    rig.stop().await;
    rig.finds_the_chain = false;
    let error = rig.boot().await.unwrap_err();
    assert!(matches!(error, Error::Chain(_)), "{error:?}");
    assert!(!error.hint().is_empty());
}
