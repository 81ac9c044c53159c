//! A start while no endpoint of the chain answers.

use std::mem::replace;
use std::sync::Arc;
use std::time::Duration;

use millrace_client::Keypair;
use millrace_client::accounts::NodeAccount;
use millrace_client::keys::address_of;
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

/// Has the rig be another one's, on the same data folder; gives it back as it was.
fn as_another(rig: &mut Rig) -> (NodeAccount, Keypair) {
    let key = Keypair::new();
    let node = offer::node(&key, address_of(&Keypair::new()));
    (replace(&mut rig.node, node), replace(&mut rig.node_key, key))
}

#[tokio::test]
async fn what_another_node_has_at_stake_is_left_as_it_is_until_that_is_over() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start(engine.clone(), Objects::default(), offer::spec("true")).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
    let (journal, calls) = (rig.journal(), engine.calls());
    let (node, key) = as_another(&mut rig);
    let error = rig.boot().await.unwrap_err();
    assert_eq!(error.code(), "data-folder-of-another-node");
    let (told, hint) = (error.to_string(), error.hint());
    assert!(told.contains(&node.address.to_string()) && told.contains(&rig.node.address.to_string()), "{told}");
    assert!(hint.contains(&node.address.to_string()) && hint.contains("--data-dir"), "{hint}");
    // Whose key it is only the chain could say.
    rig.finds_the_chain = false;
    assert!(matches!(rig.boot().await.unwrap_err(), Error::Chain(_)));
    rig.finds_the_chain = true;
    assert_eq!((rig.journal(), engine.calls()), (journal, calls), "nothing was touched");

    (rig.node, rig.node_key) = (node, key);
    rig.boot().await.unwrap();
    rig.stop_task(0);
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!(failure.code, "stopped", "what ran all the time is still the worker's");
    rig.stop().await;
}

#[tokio::test]
async fn a_folder_with_nothing_at_stake_is_taken_over_and_a_node_goes_on_with_another_key() {
    let mut rig = rig().await;
    rig.stop().await;
    let former = as_another(&mut rig);
    rig.worker_in(rig.data()).await.unwrap().shutdown().await.unwrap();

    (rig.node, rig.node_key) = former;
    rig.boot().await.unwrap();
    rig.leased().await;
    rig.stop().await;
    rig.node_key = Keypair::new();
    rig.node.node_key = address_of(&rig.node_key);
    let worker = rig.worker_in(rig.data()).await.unwrap();
    let status: Status = control::ask(rig.data(), Ask::Status).await.unwrap();
    assert_eq!((status.node_key, status.leases.len()), (rig.node.node_key, 1));
    worker.shutdown().await.unwrap();
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
