//! What a worker says to its owner, and does when told.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{Phase, offer_reply};
use millrace_protocol::{Diagnostic, MicroUsdc, Seconds};
use millrace_worker::control::{self, Ask};
use millrace_worker::status::{AtRest, GpuLink, GpuPath, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::nvml_stub::{NvmlStub, gpu};
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

async fn rig(script: Script) -> Rig {
    Rig::start(Arc::new(FakeEngine::new(script)), Objects::default(), offer::spec("true")).await
}

async fn ask(rig: &Rig, ask: Ask) -> Status {
    control::ask(rig.data(), ask).await.unwrap()
}

/// Asks until it is so.
async fn until(rig: &Rig, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
    for _ in 0..200 {
        let status = ask(rig, Ask::Status).await;
        if is_so(&status) {
            return status;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it never came so far: {what}");
}

fn code(answer: offer_reply::Result) -> String {
    match answer {
        offer_reply::Result::Refusal(refusal) => refusal.code,
        offer_reply::Result::Signature(_) => "signed".to_owned(),
    }
}

#[tokio::test]
async fn a_worker_tells_what_it_does_and_what_it_earns() {
    let mut rig = rig(Script::RunUntilStopped).await;
    let idle = ask(&rig, Ask::Status).await;
    assert!(idle.link.connected && !idle.draining && idle.leases.is_empty() && idle.tasks.is_empty());
    assert!(idle.unfit.is_empty() && idle.gpu_links.is_empty());
    assert_eq!((idle.node, idle.link.orchestrator), (rig.node.address, rig.orchestrator.url.clone()));
    assert!(idle.gpus.iter().all(|gpu| gpu.simulated && gpu.lease.is_none()) && idle.gpus.len() == 1);
    assert!(idle.storage.free_bytes > 0 && idle.storage.data_dir == rig.data().canonicalize().unwrap());

    rig.leased().await;
    rig.assign(1);
    rig.orchestrator.phase(Phase::Running).await;
    let scheduler = millrace_client::Keypair::try_from(rig.scheduler().to_bytes().as_slice()).unwrap();
    rig.voucher(&scheduler, 3_600, false);
    let busy = until(&rig, "a voucher", |status| status.leases.iter().any(|lease| lease.voucher.is_some())).await;
    let lease = &busy.leases[0];
    assert_eq!((lease.lease, lease.job, lease.phase.as_str()), (rig.lease(), rig.job.address, "held"));
    assert_eq!((lease.attested, lease.voucher), (Seconds(3_600), Some(3_600)));
    // An hour at the price of the offer.
    let hour = MicroUsdc(offer::PRICE.0 * u64::from(lease.units.0));
    assert_eq!((lease.earned, lease.redeemed, lease.unredeemed), (hour, MicroUsdc::ZERO, hour));
    assert_eq!(lease.gpu_usage, None, "simulated GPUs do nothing");
    assert_eq!(busy.gpus[0].lease, Some(rig.lease()));
    let task = &busy.tasks[0];
    assert_eq!((task.task, task.attempt, task.phase.as_str()), (1, 1, "running"));
    assert!(task.running_since.is_some() && busy.totals.offers_accepted == 1);

    rig.stop_task(1);
    rig.orchestrator.end().await;
    let stopped = until(&rig, "a task that was stopped", |status| status.tasks[0].phase == "failed").await;
    assert_eq!(stopped.totals.tasks_failed, 0, "what was taken back has not failed");
    rig.stop().await;
    let at_rest = AtRest::read(rig.data(), busy.at).unwrap();
    assert_eq!((at_rest.leases, at_rest.votes), (busy.leases, vec![]), "the journal knows what the worker knew");
}

#[tokio::test]
async fn gpus_are_told_with_their_load_and_a_lost_one_with_what_mends_it() {
    let stub = NvmlStub::build(&[]);
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start_on_gpus(engine, offer::spec("true"), stub.library()).await;
    let well = until(&rig, "a look at the GPUs", |status| status.gpus[0].busy_percent.is_some()).await;
    let first = &well.gpus[0];
    assert_eq!((first.uuid.clone(), first.simulated, first.fault.clone()), (gpu(0), false, None));
    assert!(first.memory_used_mib.is_some() && first.milliwatts.is_some() && first.celsius.is_some(), "{first:?}");

    stub.say("lost 0\n");
    let lost = until(&rig, "a lost GPU", |status| status.gpus[0].fault.is_some()).await;
    assert_eq!(lost.troubles[0].code, "gpu-off-the-bus");
    assert!(well.unfit.is_empty());
    for asked in [Ask::Status, Ask::Resume] {
        let unfit = ask(&rig, asked).await.unfit;
        assert_eq!((unfit.len(), unfit[0].code.as_str()), (1, "gpu-off-the-bus"));
        assert!(unfit[0].cause.starts_with("GPU 0: ") && unfit[0].hint.contains("start the worker again"));
    }
    let (first, second) = (&lost.gpus[0], &lost.gpus[1]);
    assert_eq!(first.busy_percent, None, "what was read before it went is no reading");
    assert!(second.fault.is_none() && second.busy_percent.is_some(), "{second:?}");
    rig.stop().await;
}

#[tokio::test]
async fn how_each_two_gpus_are_connected_is_told_of_those_that_are_sold() {
    let link = |between, nvlinks, path| GpuLink { between, nvlinks, path: Some(path) };
    for (defines, expected) in [
        (
            ["GPUS=3"].as_slice(),
            vec![
                link([0, 1], 2 + 4, GpuPath::Switch),
                link([0, 2], 4, GpuPath::HostBridge),
                link([1, 2], 4, GpuPath::HostBridge),
            ],
        ),
        // The first one is of another kind.
        (&["GPUS=3", "MIXED"], vec![link([0, 1], 4, GpuPath::HostBridge)]),
        (&["GPUS=1"], vec![]),
    ] {
        let stub = NvmlStub::build(defines);
        let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
        let mut rig = Rig::start_on_gpus(engine, offer::spec("true"), stub.library()).await;
        assert_eq!(ask(&rig, Ask::Status).await.gpu_links, expected, "{defines:?}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_lease_is_told_with_what_it_makes_of_its_gpus() {
    let stub = NvmlStub::build(&[]);
    let engine = Arc::new(FakeEngine::new(Script::Exit { code: 3, files: vec![] }));
    let mut rig = Rig::start_on_gpus(engine, offer::spec("true"), stub.library()).await;
    rig.leased().await;
    // A container that fails has the GPUs looked at, so the lease's first reading need not be waited for.
    rig.assign(0);
    rig.orchestrator.phase(Phase::Failed).await;
    let measured = until(&rig, "two readings", |status| status.leases[0].gpu_usage.is_some()).await;
    let gpu = &measured.gpus[0];
    let usage = measured.leases[0].gpu_usage.clone().unwrap();
    assert_eq!((gpu.lease, measured.leases[0].gpus.as_slice()), (Some(rig.lease()), [0].as_slice()));
    assert_eq!((usage.busy_percent, usage.power_unknown), (gpu.busy_percent, vec![]));
    let milliwatts = u64::from(gpu.milliwatts.unwrap());
    assert_eq!(usage.peak_milliwatts, Some(milliwatts), "of one GPU alone");
    assert_eq!(usage.energy_millijoules, Some(usage.measured_gpu_milliseconds * milliwatts / 1_000));
    rig.stop().await;
}

#[tokio::test]
async fn what_went_wrong_on_the_rig_is_told_with_what_mends_it() {
    let mut rig = rig(Script::Exit { code: 1, files: vec![] }).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.end().await;
    let failed = until(&rig, "a failed task", |status| status.totals.tasks_failed == 1).await;
    assert!(failed.troubles.is_empty(), "a buyer's program is none of the rig's troubles: {:?}", failed.troubles);

    rig.orchestrator.hang_up();
    let away = until(&rig, "a link that broke", |status| !status.troubles.is_empty()).await;
    assert_eq!(away.troubles[0].code, "link-broken");
    assert!(!away.troubles[0].hint.is_empty());
    let back = until(&rig, "another link", |status| status.link.connected && status.totals.connections == 2).await;
    assert!(back.link.since >= idle_since(&away));
    rig.stop().await;
}

fn idle_since(status: &Status) -> millrace_protocol::UnixSeconds {
    status.started_at
}

#[tokio::test]
async fn a_rig_that_drains_refuses_offers_until_it_is_told_otherwise_also_after_a_restart() {
    let mut rig = rig(Script::RunUntilStopped).await;
    assert!(ask(&rig, Ask::Drain).await.draining);
    told(&mut rig, true).await;
    assert_eq!(code(rig.offer().await), "rig-draining");
    rig.stop().await;
    rig.boot().await.unwrap();
    assert!(rig.orchestrator.resume().await.draining, "the orchestrator knows before it offers anything");
    let status = ask(&rig, Ask::Status).await;
    assert!(status.draining && status.told_to_drain);
    assert_eq!(code(rig.offer().await), "rig-draining");
    let status = ask(&rig, Ask::Resume).await;
    assert!(!status.draining && !status.told_to_drain);
    told(&mut rig, false).await;
    assert_eq!(code(rig.offer().await), "signed");
    rig.stop().await;
}

/// The orchestrator hears whether the rig drains.
async fn told(rig: &mut Rig, draining: bool) {
    let heard = rig.orchestrator.hear("whether it drains", |body| match body {
        WorkerBody::Heartbeat(heartbeat) if heartbeat.unverified().unwrap().draining == draining => Some(()),
        _ => None,
    });
    heard.await;
}

#[tokio::test]
async fn a_rig_at_rest_remembers_what_it_was_told() {
    let mut rig = rig(Script::RunUntilStopped).await;
    rig.stop().await;
    assert!(control::tell_next(rig.data(), true).unwrap());
    rig.boot().await.unwrap();
    assert!(ask(&rig, Ask::Status).await.draining);
    rig.stop().await;
    assert!(control::tell_next(rig.data(), false).unwrap());
    rig.boot().await.unwrap();
    assert!(!ask(&rig, Ask::Status).await.draining);
    rig.stop().await;
    let never_used = tempfile::tempdir().unwrap();
    assert!(!control::tell_next(never_used.path(), true).unwrap());
    assert_eq!(std::fs::read_dir(never_used.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_socket_is_the_workers_alone_and_goes_with_it() {
    let mut rig = rig(Script::RunUntilStopped).await;
    let socket = rig.data().join("control");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(control::listens(rig.data()));
    rig.stop().await;
    assert!(!socket.exists() && !control::listens(rig.data()));
    let error = control::ask(rig.data(), Ask::Status).await.unwrap_err();
    assert_eq!(error.code(), "worker-not-running");
    // A worker that was killed leaves its socket.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(!control::listens(rig.data()));
    let error = control::ask(rig.data(), Ask::Status).await.unwrap_err();
    assert_eq!(error.code(), "worker-not-running");
    rig.boot().await.unwrap();
    assert!(control::listens(rig.data()) && ask(&rig, Ask::Status).await.link.connected);
    rig.stop().await;
    let nowhere = control::ask(Path::new("/no/such/folder"), Ask::Status).await.unwrap_err();
    assert_eq!(nowhere.code(), "worker-not-running");
}

#[tokio::test]
async fn nonsense_is_answered_and_silence_is_not_waited_for() {
    let mut rig = rig(Script::RunUntilStopped).await;
    let socket = rig.data().join("control");
    let _silent: Vec<_> = [UnixStream::connect(&socket).await.unwrap()].into();
    for nonsense in ["\n", "{\"ask\":\"reboot\"}\n", &format!("{}\n", "x".repeat(5_000))] {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(nonsense.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // One that was not read to its end may end in a reset; it was answered before.
        let _ = stream.read_to_string(&mut answer).await;
        assert!(answer.contains("not understood"), "{answer}");
    }
    assert!(ask(&rig, Ask::Status).await.link.connected);
    rig.stop().await;
}

#[tokio::test]
async fn a_worker_that_waits_for_its_engine_says_so_and_drains_when_told() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start(engine.clone(), Objects::default(), offer::spec("true")).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
    engine.is_away.store(true, Relaxed);
    let (data, lease, node) = (rig.data().to_owned(), rig.lease(), rig.node.address);
    let asked = async {
        let waiting = async {
            loop {
                match control::ask(&data, Ask::Status).await {
                    Ok(status) if !status.unfit.is_empty() => return status,
                    Ok(_) | Err(control::Error::NotRunning { .. }) => {
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let status = tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.unwrap();
        assert_eq!(
            (status.node, status.link.connected, status.draining, status.told_to_drain),
            (node, false, true, false)
        );
        assert_eq!(status.unfit[0].code, "engine-unreachable");
        assert_eq!((status.leases[0].lease, status.tasks[0].phase.as_str()), (lease, "running"));
        assert!(status.storage.free_bytes > 0 && status.storage.data_dir == data.canonicalize().unwrap());
        assert!(control::ask(&data, Ask::Drain).await.unwrap().told_to_drain);
        engine.is_away.store(false, Relaxed);
    };
    let (booted, ()) = tokio::join!(rig.boot(), asked);
    booted.unwrap();
    let status = ask(&rig, Ask::Status).await;
    assert!(status.link.connected && status.told_to_drain && status.unfit.is_empty(), "{status:?}");
    assert_eq!((status.gpus.len(), status.leases.len()), (1, 1));
    rig.stop().await;
    assert_eq!(control::ask(&data, Ask::Status).await.unwrap_err().code(), "worker-not-running");
}

#[tokio::test]
async fn a_data_folder_may_lie_deeper_than_a_sockets_path_is_long() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a".repeat(120));
    let mut rig = rig(Script::RunUntilStopped).await;
    rig.stop().await;
    let worker = rig.worker_in(&deep).await.unwrap();
    worker.connected().await;
    assert!(control::ask(&deep, Ask::Status).await.unwrap().link.connected);
    worker.shutdown().await.unwrap();
}
