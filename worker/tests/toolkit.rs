//! What gives GPUs to containers must not let programs out of them.

use std::sync::Arc;

use millrace_link::grpc::{Phase, offer_reply};
use millrace_protocol::Diagnostic;
use millrace_worker::control::{self, Ask};

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::nvml_stub::NvmlStub;
use crate::support::offer;
use crate::support::rig::Rig;

const UNSAFE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stub/toolkit/unsafe");

async fn rig(stub: &NvmlStub) -> Rig {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    Rig::start_on_gpus(engine, offer::spec("true"), stub.library()).await
}

#[tokio::test]
async fn one_with_known_ways_out_keeps_a_worker_from_starting_unless_its_owner_says_so() {
    let stub = NvmlStub::build(&["GPUS=1"]);
    let mut rig = rig(&stub).await;
    rig.stop().await;
    for (toolkit, told) in [(UNSAFE, "CVE-2025-23266"), ("/nowhere/nvidia-ctk", "not installed")] {
        let Err(error) = rig.worker_with(rig.data(), |options| options.toolkit = toolkit.into()).await else {
            panic!("it has started with {toolkit}")
        };
        assert_eq!(error.code(), "toolkit-unfit");
        assert!(error.to_string().contains(told) && error.hint().contains("--any-toolkit"), "{error}");
    }
    let trusting = rig.worker_with(rig.data(), |options| {
        options.toolkit = UNSAFE.into();
        options.any_toolkit = true;
    });
    trusting.await.unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn a_worker_that_has_work_finishes_it_and_takes_no_more() {
    let stub = NvmlStub::build(&["GPUS=1"]);
    let mut rig = rig(&stub).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
    rig.tweak = |options| options.toolkit = UNSAFE.into();
    rig.boot().await.unwrap();
    rig.stop_task(0);
    assert_eq!(rig.orchestrator.end().await.failure.unwrap().code, "stopped");
    rig.end_lease();
    rig.lease_report().await;
    rig.job.job.leases_opened += 1;
    refuses(&mut rig).await;
    // Its owner's switch is another one.
    for asked in [Ask::Drain, Ask::Resume] {
        let status = control::ask(rig.data(), asked).await.unwrap();
        assert!(status.draining && status.unfit.len() == 1, "{:?}", status.unfit);
        assert!(status.unfit[0].code == "toolkit-unfit" && status.unfit[0].cause.contains("CVE-2025-23266"));
    }
    refuses(&mut rig).await;
    rig.orchestrator.hang_up();
    assert!(rig.orchestrator.resume().await.draining, "the orchestrator knows before it offers anything");
    let status = control::ask(rig.data(), Ask::Status).await.unwrap();
    assert!(status.draining && status.troubles.iter().any(|trouble| trouble.code == "toolkit-unfit"));
    rig.stop().await;
}

async fn refuses(rig: &mut Rig) {
    match rig.offer().await {
        offer_reply::Result::Refusal(refusal) => assert_eq!(refusal.code, "rig-unsafe"),
        offer_reply::Result::Signature(_) => panic!("it has taken a lease"),
    }
}
