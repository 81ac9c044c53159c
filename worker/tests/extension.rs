//! More time for a lease that a worker holds, on an engine and a chain in memory.

use std::sync::Arc;

use millrace_client::cosign::extension;
use millrace_client::keys::address_of;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{Extension, Phase, offer_reply};
use millrace_protocol::{JobState, Seconds, UnixSeconds};
use millrace_spec::sha256;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

/// A running task under a lease of ten minutes, of a job that allows twenty.
async fn at_work() -> Rig {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start(engine, Objects::default(), offer::spec("true")).await;
    rig.leased().await;
    rig.voucher(rig.scheduler(), 1, false);
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let mut lease = offer::lease(&rig.job, &rig.node, address_of(rig.scheduler()), 1_000);
    lease.lease.start_by = UnixSeconds(10_000);
    *rig.chain.clock.lock().unwrap() = UnixSeconds(1_010);
    *rig.chain.lease.lock().unwrap() = Some(lease);
    let mut rules = rig.job.job;
    rules.state = JobState::Active;
    rules.terms.lease_seconds = Seconds(1_200);
    rules.terms.deposit.0 = 1_200_000;
    rules.reserved.0 = 600_000;
    *rig.chain.rules.lock().unwrap() = Some(rules);
    rig
}

async fn propose(rig: &mut Rig, extension: Extension) -> offer_reply::Result {
    let proposed = sha256(&extension.transaction);
    rig.orchestrator.say(Body::Extension(extension));
    let reply = rig.orchestrator.hear("an answer to more time", |body| match body {
        WorkerBody::ExtensionReply(reply) => Some(reply),
        _ => None,
    });
    let reply = reply.await;
    assert_eq!(reply.transaction_sha256, proposed.0, "which proposal it answers");
    reply.result.unwrap()
}

async fn refusal(rig: &mut Rig, extension: Extension) -> String {
    match propose(rig, extension).await {
        offer_reply::Result::Refusal(refusal) => refusal.code,
        offer_reply::Result::Signature(_) => panic!("the worker signed"),
    }
}

fn more(rig: &Rig, seconds: u64) -> Extension {
    offer::extension(rig.scheduler(), &rig.job, &rig.node, Seconds(seconds))
}

#[tokio::test]
async fn a_worker_signs_more_time_for_a_lease_that_it_holds() {
    let mut rig = at_work().await;
    let proposed = more(&rig, 600);
    let own = extension::cosign(&proposed.transaction, rig.node.address, &rig.node_key).unwrap().signature;
    let offer_reply::Result::Signature(signature) = propose(&mut rig, proposed).await else { panic!("refused") };
    assert_eq!(signature, own, "the node key's, over this very transaction");
    let journal = std::fs::read_to_string(rig.data().join("journal")).unwrap();
    assert!(journal.contains("lease_extended"), "it is on the disk before it leaves the rig");
    rig.stop().await;
}

#[tokio::test]
async fn a_worker_signs_nothing_that_is_not_what_it_says() {
    let mut rig = at_work().await;
    let mut renamed = more(&rig, 600);
    renamed.lease = vec![8; 32];
    assert_eq!(refusal(&mut rig, renamed).await, "extension-names-other");
    let mut garbage = more(&rig, 600);
    garbage.transaction.truncate(40);
    assert_eq!(refusal(&mut rig, garbage).await, "offer-malformed");
    let lease = offer::offer(rig.scheduler(), &rig.job, &rig.node, &rig.spec, offer::PRICE);
    let disguised = Extension { lease: lease.lease, transaction: lease.transaction };
    assert_eq!(refusal(&mut rig, disguised).await, "offer-not-an-extension");
    rig.stop().await;
}

#[tokio::test]
async fn a_worker_signs_nothing_that_the_chain_does_not_have() {
    let mut rig = at_work().await;
    let too_long = more(&rig, 601);
    assert_eq!(refusal(&mut rig, too_long).await, "lease-length-invalid");
    *rig.chain.lease.lock().unwrap() = None;
    let gone = more(&rig, 600);
    assert_eq!(refusal(&mut rig, gone).await, "extension-names-other");
    rig.stop().await;
}
