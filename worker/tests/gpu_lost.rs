//! A GPU fails under a running job: it is handed back as the rig's fault, and the rig takes no more.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use millrace_agent::TaskKey;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{Fault, LeaseOver, Phase, offer_reply};
use millrace_protocol::{Diagnostic, LeaseState};
use millrace_worker::container::GpuAccess;
use millrace_worker::control::{self, Ask};
use millrace_worker::status::Status;
use tokio::time::sleep;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::nvml_stub::{NvmlStub, gpu, slice};
use crate::support::offer;
use crate::support::rig::Rig;

async fn at_work(stub: &NvmlStub, script: Script) -> (Rig, Arc<FakeEngine>) {
    let engine = Arc::new(FakeEngine::new(script));
    let mut rig = Rig::start_on_gpus(engine.clone(), offer::spec("true"), stub.library()).await;
    rig.leased().await;
    rig.assign(0);
    (rig, engine)
}

/// What a worker leaves that was stopped while a task ran on the GPU of this number.
async fn left_at_work(stub: &NvmlStub, number: u8) -> Rig {
    let (mut rig, engine) = at_work(stub, Script::RunUntilStopped).await;
    rig.orchestrator.phase(Phase::Running).await;
    assert_eq!(engine.plan().gpus, access(number));
    rig.stop().await;
    rig
}

/// To one GPU and no other, by its UUID and its device node, which the stand-in numbers otherwise.
fn access(number: u8) -> GpuAccess {
    let nodes =
        ["nvidiactl".to_owned(), "nvidia-uvm".into(), "nvidia-uvm-tools".into(), format!("nvidia{}", number ^ 1)];
    GpuAccess::Devices { uuids: vec![gpu(number)], nodes: nodes.map(|node| Path::new("/dev").join(node)).to_vec() }
}

/// Codes of what must be mended before the rig takes any lease.
async fn unfit(rig: &Rig) -> Vec<String> {
    let status: Status = control::ask(rig.data(), Ask::Status).await.unwrap();
    status.unfit.into_iter().map(|unfit| unfit.code).collect()
}

#[tokio::test]
async fn a_gpu_that_vanishes_mid_run_hands_its_task_back_and_drains_the_rig() {
    let stub = NvmlStub::build(&[]);
    let (mut rig, engine) = at_work(&stub, Script::RunUntilStopped).await;
    rig.orchestrator.phase(Phase::Running).await;
    assert_eq!(engine.plan().gpus, access(0));

    stub.say("lost 0\n");
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("gpu-lost", Fault::Node));
    assert!(rig.is_clean().await);

    rig.assign(1);
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!(failure.code, "gpu-lost", "nothing begins on it any more");
    rig.end_lease();
    rig.lease_report().await;
    rig.job.job.leases_opened += 1;
    match rig.offer().await {
        offer_reply::Result::Refusal(refusal) => assert_eq!(refusal.code, "gpu-faulty"),
        offer_reply::Result::Signature(_) => panic!("a rig without its GPU has taken a lease"),
    }
    rig.stop().await;
}

/// Of the slices only one has the memory that the node is registered with.
#[tokio::test]
async fn a_lease_gets_the_slice_that_is_sold_and_loses_it_with_its_board() {
    let stub = NvmlStub::build(&["GPUS=1", "MIG=0"]);
    let (mut rig, engine) = at_work(&stub, Script::RunUntilStopped).await;
    rig.orchestrator.phase(Phase::Running).await;
    match engine.plan().gpus {
        GpuAccess::Devices { uuids, .. } => assert_eq!(uuids, [slice(0, 4)]),
        GpuAccess::None => panic!("the container has no GPU"),
    }
    // Some program's on another slice, which asks for nothing; then the board's end.
    stub.say("xid 0 69\nxid 0 79\n");
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("gpu-failed", Fault::Node));
    assert!(failure.cause.contains("Xid 79"), "{failure:?}");
    rig.stop().await;
}

#[tokio::test]
async fn an_xid_of_another_gpu_leaves_the_job_alone() {
    let stub = NvmlStub::build(&[]);
    let (mut rig, _engine) = at_work(&stub, Script::RunUntilStopped).await;
    rig.orchestrator.phase(Phase::Running).await;
    stub.say("xid 5 79\nxid 0 13\n");
    sleep(Duration::from_secs(2)).await;
    rig.stop_task(0);
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!(failure.code, "stopped");
    rig.stop().await;
}

#[tokio::test]
async fn a_program_that_fails_on_a_healthy_gpu_has_failed_itself() {
    let stub = NvmlStub::build(&[]);
    let (mut rig, _engine) = at_work(&stub, Script::Exit { code: 3, files: vec![] }).await;
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("exit-code", Fault::Job));
    rig.stop().await;
}

#[tokio::test]
async fn a_program_that_failed_because_its_gpu_went_is_not_blamed() {
    let stub = NvmlStub::build(&[]);
    let engine = Arc::new(FakeEngine::new(Script::Exit { code: 3, files: vec![] }));
    let mut rig = Rig::start_on_gpus(engine, offer::spec("true"), stub.library()).await;
    rig.leased().await;
    // No event tells of this one: only a look does.
    stub.say("gone 0\n");
    rig.assign(0);
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("gpu-lost", Fault::Node));
    rig.stop().await;
}

#[tokio::test]
async fn a_program_that_fails_on_a_gpu_of_which_the_driver_tells_nothing_is_not_blamed() {
    let stub = NvmlStub::build(&[]);
    let engine = Arc::new(FakeEngine::new(Script::Exit { code: 3, files: vec![] }));
    let mut rig = Rig::start_on_gpus(engine, offer::spec("true"), stub.library()).await;
    rig.leased().await;
    stub.say("broken 0\n");
    rig.assign(0);
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("gpu-failed", Fault::Node));
    stub.say("");
    rig.assign(1);
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!(
        (failure.code.as_str(), failure.fault()),
        ("exit-code", Fault::Job),
        "one that is well again is not, either"
    );
    rig.stop().await;
}

#[tokio::test]
async fn a_lease_gets_a_gpu_of_the_registered_model_on_a_rig_of_several() {
    let stub = NvmlStub::build(&["MIXED", "GPUS=3"]);
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start_on_gpus(engine.clone(), offer::spec("true"), stub.library()).await;
    let announced = |body| match body {
        WorkerBody::GpuAnnouncement(announcement) => Some(announcement),
        _ => None,
    };
    assert_eq!(rig.orchestrator.hear("its GPUs", announced).await.gpus, [gpu(1)], "what is challenged is what is sold");
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    assert_eq!(engine.plan().gpus, access(1));
    stub.say("lost 0\n");
    sleep(Duration::from_secs(2)).await;
    stub.say("lost 1\n");
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!(failure.code, "gpu-lost", "the one that it has is the one that is watched for it");
    rig.stop().await;
}

#[tokio::test]
async fn a_worker_that_comes_back_without_a_gpu_ends_what_had_it_and_takes_no_more() {
    let stub = NvmlStub::build(&["GPUS=1"]);
    let mut rig = left_at_work(&stub, 0).await;
    stub.say("gone 0\n");
    rig.boot().await.unwrap();
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("gpu-lost", Fault::Node));
    assert!(rig.is_clean().await);
    assert_eq!(unfit(&rig).await, ["hardware-mismatch", "gpu-off-the-bus"], "its owner is told");
    rig.end_lease();
    rig.lease_report().await;
    let mut settled = offer::lease(&rig.job, &rig.node, rig.chain.scheduler, 1);
    let lease = settled.address.0.to_vec();
    rig.job.job.leases_opened += 1;
    assert!(matches!(rig.offer().await, offer_reply::Result::Refusal(_)));
    settled.lease.state = LeaseState::Reported;
    *rig.chain.lease.lock().unwrap() = Some(settled);
    rig.orchestrator.say(Body::LeaseOver(LeaseOver { lease }));
    let ended = rig.worker.take().unwrap().run_until(sleep(Duration::from_secs(60))).await;
    assert_eq!(
        ended.unwrap_err().code(),
        "hardware-mismatch",
        "whoever looks after it starts it anew: it may be mended"
    );
}

#[tokio::test]
async fn a_program_that_failed_without_a_worker_is_not_blamed_where_its_gpu_is_gone() {
    for (said, expected) in [("gone 0\n", ("gpu-lost", Fault::Node)), ("", ("exit-code", Fault::Job))] {
        let stub = NvmlStub::build(&[]);
        let (mut rig, engine) = at_work(&stub, Script::RunUntilStopped).await;
        rig.orchestrator.phase(Phase::Running).await;
        rig.stop().await;
        engine.end(TaskKey { lease: rig.lease(), task: 0, attempt: 1 }, 3);
        stub.say(said);
        rig.boot().await.unwrap();
        let failure = rig.orchestrator.end().await.failure.unwrap();
        assert_eq!((failure.code.as_str(), failure.fault()), expected);
        assert!(rig.is_clean().await);
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_lease_keeps_its_gpu_where_another_has_taken_its_place_in_the_drivers_list() {
    let stub = NvmlStub::build(&["MIXED", "GPUS=8"]);
    let mut rig = left_at_work(&stub, 1).await;
    stub.say("gone 1\n");
    rig.boot().await.unwrap();
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!(failure.code, "gpu-lost", "not some other's in its place");
    rig.stop().await;
}

#[tokio::test]
async fn what_runs_goes_on_under_a_worker_that_finds_no_driver() {
    let stub = NvmlStub::build(&["GPUS=1"]);
    let mut rig = left_at_work(&stub, 0).await;
    let worker = rig.worker_with(rig.data(), |options| options.nvml_library = "/none/libnvidia-ml.so.1".into()).await;
    let worker = worker.unwrap();
    worker.connected().await;
    rig.worker = Some(worker);
    assert_eq!(unfit(&rig).await, ["hardware-mismatch"]);
    rig.stop_task(0);
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!(failure.code, "stopped", "nobody has said that its GPU is lost");
    assert!(rig.is_clean().await);
    rig.assign(1);
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("gpu-lost", Fault::Node), "no image is blamed for it");
    rig.stop().await;
}

#[tokio::test]
async fn a_rig_with_nothing_at_stake_says_at_its_start_that_a_gpu_is_missing() {
    let stub = NvmlStub::build(&["GPUS=1"]);
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start_on_gpus(engine, offer::spec("true"), stub.library()).await;
    rig.stop().await;
    stub.say("gone 0\n");
    let error = rig.boot().await.unwrap_err();
    assert_eq!(error.code(), "hardware-mismatch");
    assert!(error.hint().contains("worker doctor"));
}
