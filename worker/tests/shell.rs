//! The worker's shell, from the orchestrator's messages to the engine's calls, on an engine in memory.

use std::sync::Arc;
use std::time::Duration;

use millrace_client::Keypair;
use millrace_link::grpc::worker_message::Body;
use millrace_link::grpc::{Fault, Phase, offer_reply};
use millrace_protocol::PricePerGpuHour;
use millrace_spec::merkle::{self, Leaf};
use millrace_spec::{Gang, JobSpec, Locality, ObjectRef, Sealed, Sha256, Shape};
use millrace_worker::Options;
use millrace_worker::container::NetworkAccess;
use millrace_worker::control::{self, Ask};
use millrace_worker::status::Status;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;
use crate::support::small_disk::SmallDisk;

fn exits(code: i64) -> Script {
    Script::Exit { code, files: vec![("frame.png", "pixels"), ("notes.txt", "fine")] }
}

async fn rig(engine: FakeEngine) -> (Rig, Arc<FakeEngine>) {
    let engine = Arc::new(engine);
    (Rig::start(engine.clone(), Objects::default(), offer::spec("true")).await, engine)
}

fn refusal(answer: offer_reply::Result) -> String {
    match answer {
        offer_reply::Result::Refusal(refusal) => refusal.code,
        offer_reply::Result::Signature(_) => panic!("the worker signed"),
    }
}

#[tokio::test]
async fn a_task_runs_and_its_outputs_arrive() {
    let (mut rig, engine) = rig(FakeEngine::new(exits(0))).await;
    rig.leased().await;
    rig.assign(1);
    let creating = rig.orchestrator.phase(Phase::Creating).await;
    assert_eq!(creating.image_digest, "sha256:local");
    let done = rig.orchestrator.end().await;
    assert_eq!(done.phase(), Phase::Done);
    let paths: Vec<&str> = done.outputs.iter().map(|output| output.path.as_str()).collect();
    assert_eq!(paths, ["frame.png", "notes.txt"]);
    assert_eq!(rig.objects.get(&done.outputs[0].sha256).unwrap(), "pixels");
    assert_eq!(engine.calls(), ["create 1", "start 1", "remove 1"]);
    assert!(rig.is_clean().await);

    rig.acknowledge(1);
    rig.end_lease();
    let report = rig.lease_report().await;
    let leaf = |path: &str, content: &str| Leaf {
        task: 1,
        path: path.into(),
        object: Objects::default().put(content.as_bytes()),
    };
    let root = merkle::root(vec![leaf("frame.png", "pixels"), leaf("notes.txt", "fine")]);
    assert_eq!(report.result_root, root.0);
}

#[tokio::test]
async fn a_container_is_told_what_it_works_on() {
    let (mut rig, engine) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(2);
    rig.orchestrator.phase(Phase::Running).await;
    let plan = engine.plan();
    let told = |name: &str| plan.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(told("MILLRACE_JOB"), Some(rig.job.address.to_string().as_str()));
    assert_eq!(told("MILLRACE_LEASE"), Some(rig.lease().to_string().as_str()));
    assert_eq!(told("MILLRACE_TASK_INDEX"), Some("2"));
    assert_eq!(told("MILLRACE_TASK_COUNT"), Some("3"));
    assert_eq!(told("MILLRACE_ATTEMPT"), Some("1"));
    assert_eq!(told("MILLRACE_CHECKPOINT"), Some(format!("{}/2", rig.job.address).as_str()));
    assert_eq!((told("MILLRACE_RANK"), told("MILLRACE_PEERS")), (None, None));
    assert_eq!(told("MILLRACE_SIMULATED_GPU"), Some("rtx-4090:24576"));
    assert_eq!(told("GREETING"), Some("hello"));
    assert_eq!((plan.cpu_millis, plan.memory_mib, plan.pids, plan.network), (1_000, 64, 32, NetworkAccess::None));
    rig.stop().await;
}

fn gang() -> JobSpec {
    let mut spec = offer::spec("true");
    spec.shape = Some(Shape::Gang(Gang { locality: Locality::Region }));
    spec.terms.concurrent_leases = 3;
    spec
}

#[tokio::test]
async fn a_gangs_member_is_told_its_rank_and_its_peers() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let advertised = |options: &mut Options| options.advertised_address = Some("10.0.0.1".to_owned());
    let mut rig = Rig::start_with(engine.clone(), Objects::default(), gang(), advertised).await;
    assert_eq!(rig.orchestrator.resume().await.advertised_address, "10.0.0.1");
    rig.leased().await;
    rig.assign_beside(1, &["10.0.0.7", "10.0.0.1", ""]);
    rig.orchestrator.phase(Phase::Running).await;
    let plan = engine.plan();
    let told = |name: &str| plan.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(told("MILLRACE_RANK"), Some("1"));
    assert_eq!(told("MILLRACE_WORLD_SIZE"), Some("3"));
    assert_eq!(told("MILLRACE_PEERS"), Some("10.0.0.7,10.0.0.1,"));
    rig.stop().await;
}

#[tokio::test]
async fn a_gangs_member_without_all_peers_or_with_one_nowhere_is_refused() {
    for (spec, peers) in
        [(gang(), &["10.0.0.7"][..]), (gang(), &["a", "b,c", "d"]), (offer::spec("true"), &["a", "b", "c"])]
    {
        let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
        let mut rig = Rig::start(engine, Objects::default(), spec).await;
        rig.leased().await;
        rig.assign_beside(1, peers);
        let update = rig.orchestrator.phase(Phase::Failed).await;
        assert_eq!(update.failure.unwrap().code, "input-corrupt", "{peers:?}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn inputs_are_fetched_once_and_checked() {
    let objects = Objects::default();
    let scene = objects.put(b"sphere");
    let mut spec = offer::spec("true");
    spec.inputs.insert("scene/main.pov".into(), scene);
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start(engine.clone(), objects.clone(), spec).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let inputs = engine.plan().inputs;
    assert_eq!(std::fs::read(inputs.join("scene/main.pov")).unwrap(), b"sphere");
    rig.stop_task(0);
    rig.orchestrator.end().await;
    // The cache has it now: the endpoint could not serve it any more.
    objects.corrupt(&scene);
    rig.assign(1);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_corrupt_input_starts_nothing() {
    let objects = Objects::default();
    let scene = objects.put(b"sphere");
    objects.corrupt(&scene);
    let mut spec = offer::spec("true");
    spec.inputs.insert("scene.pov".into(), scene);
    let engine = Arc::new(FakeEngine::new(exits(0)));
    let mut rig = Rig::start(engine.clone(), objects, spec).await;
    rig.leased().await;
    rig.assign(0);
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!(failure.code, "input-corrupt");
    assert!(engine.calls().is_empty() && rig.is_clean().await);
}

#[tokio::test]
async fn a_missing_image_is_the_jobs_fault_and_leaves_nothing() {
    let (mut rig, engine) = rig(FakeEngine::without_image(exits(0))).await;
    rig.leased().await;
    rig.assign(0);
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("image-missing", Fault::Job));
    assert!(!failure.hint.is_empty() && failure.cause.contains("millrace/probe:1"));
    assert!(!failure.cause.contains("never heard of it"), "what a registry has said stays on the rig");
    assert!(engine.calls().is_empty() && rig.is_clean().await);
}

#[tokio::test]
async fn an_exit_code_is_passed_on() {
    let (mut rig, _) = rig(FakeEngine::new(exits(3))).await;
    rig.leased().await;
    rig.assign(0);
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.exit_code), ("exit-code", Some(3)));
    assert_eq!(rig.objects.len(), 0, "outputs of a failed task are not uploaded");
}

#[tokio::test]
async fn a_full_disk_is_refused_at_the_offer() {
    let mut spec = offer::spec("true");
    spec.limits.disk_mib = u32::MAX;
    let mut rig = Rig::start(Arc::new(FakeEngine::new(exits(0))), Objects::default(), spec).await;
    assert_eq!(refusal(rig.offer().await), "disk-full");
    assert!(rig.journal().is_empty());
}

#[tokio::test]
async fn an_encrypted_job_that_fits_only_as_a_plain_one_is_refused_at_the_offer() {
    let inputs = || Sealed { inputs: Some(Sha256([3; 32])), ..Sealed::default() };
    for (input_mib, sealed, fits) in [(12, None, true), (12, Some(inputs()), false), (2, Some(inputs()), true)] {
        let folder = tempfile::tempdir().unwrap();
        let Some(_disk) = SmallDisk::mount(folder.path()) else {
            eprintln!("SKIPPED: this user may not mount a tmpfs");
            return;
        };
        let mut spec = offer::spec("true");
        spec.inputs.insert("scene".into(), ObjectRef { sha256: Sha256([1; 32]), size: input_mib << 20 });
        spec.sealed = sealed;
        let engine = Arc::new(FakeEngine::new(exits(0)));
        let mut rig = Rig::start_in(folder, engine, Objects::default(), spec, |_| {}).await;
        match (fits, rig.offer().await) {
            (true, offer_reply::Result::Signature(_)) => {}
            (false, answer) => assert_eq!(refusal(answer), "disk-full", "{:?}", rig.spec.sealed),
            (true, refused) => panic!("{refused:?} of {:?}", rig.spec.sealed),
        }
        rig.stop().await;
    }
}

#[tokio::test]
async fn offers_that_are_not_what_they_say_are_refused() {
    let (mut rig, _) = rig(FakeEngine::new(exits(0))).await;
    let make = |rig: &Rig, price| offer::offer(rig.scheduler(), &rig.job, &rig.node, &rig.spec, price);
    let cheap = make(&rig, PricePerGpuHour(offer::PRICE.0 - 1));
    assert_eq!(refusal(rig.send_offer(cheap).await), "price-too-low");
    let mut renamed = make(&rig, offer::PRICE);
    renamed.lease = vec![8; 32];
    assert_eq!(refusal(rig.send_offer(renamed).await), "offer-names-other");
    let mut other_spec = make(&rig, offer::PRICE);
    other_spec.spec = offer::spec("rm -rf /").canonical_bytes();
    assert_eq!(refusal(rig.send_offer(other_spec).await), "offer-spec-differs");
    let mut garbage = make(&rig, offer::PRICE);
    garbage.transaction.truncate(40);
    assert_eq!(refusal(rig.send_offer(garbage).await), "offer-malformed");
    assert!(rig.journal().is_empty(), "nothing was promised");
}

#[tokio::test]
async fn another_spec_than_the_agreed_one_is_not_run() {
    let (mut rig, engine) = rig(FakeEngine::new(exits(0))).await;
    rig.leased().await;
    rig.spec = offer::spec("mine bitcoin");
    rig.assign(0);
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert!(failure.cause.contains("not the one the lease was signed for"));
    assert!(engine.calls().is_empty());
}

#[tokio::test]
async fn only_genuine_vouchers_are_kept() {
    let (mut rig, _) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.voucher(&Keypair::new(), 1, false);
    rig.voucher(rig.scheduler(), 2, false);
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let journal = rig.journal();
    assert!(journal.contains("\"sequence\":2") && !journal.contains("\"sequence\":1"));
    rig.stop().await;
}

#[tokio::test]
async fn heartbeats_name_leases_and_what_runs() {
    let (mut rig, _) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let beat = rig.orchestrator.hear("a heartbeat", |body| match body {
        Body::Heartbeat(heartbeat) => heartbeat.unverified().ok(),
        _ => None,
    });
    let beat = beat.await;
    assert_eq!(beat.leases.len(), 1);
    assert_eq!((beat.leases[0].lease.clone(), beat.leases[0].running.clone()), (rig.lease().0.to_vec(), vec![0]));
    rig.stop().await;
}

#[tokio::test]
async fn an_offer_that_was_signed_is_no_lease_until_work_comes() {
    let (mut rig, _) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    let beat = rig.orchestrator.hear("a heartbeat", |body| match body {
        Body::Heartbeat(heartbeat) => heartbeat.unverified().ok(),
        _ => None,
    });
    assert!(beat.await.leases.is_empty());
    rig.orchestrator.hang_up();
    assert!(rig.orchestrator.resume().await.leases.is_empty());
    // Its transaction has landed meanwhile.
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_lost_link_leaves_containers_running_and_is_made_up_for() {
    let (mut rig, engine) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.orchestrator.hang_up();
    rig.orchestrator.resume().await;
    let running = rig.orchestrator.phase(Phase::Running).await;
    assert_eq!(running.index, 0);
    assert_eq!(engine.calls(), ["create 0", "start 0"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_result_is_repeated_until_it_is_booked() {
    let (mut rig, _) = rig(FakeEngine::new(exits(0))).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.end().await;
    rig.orchestrator.hang_up();
    let resume = rig.orchestrator.resume().await;
    assert_eq!((resume.tasks.len(), resume.tasks[0].phase(), resume.tasks[0].outputs.len()), (1, Phase::Done, 2));
    assert_eq!(resume.cached_images, ["millrace/probe:1"]);
    rig.acknowledge(0);
    rig.assign(1);
    rig.orchestrator.phase(Phase::Running).await;
    rig.orchestrator.hang_up();
    let resume = rig.orchestrator.resume().await;
    assert!(resume.tasks.iter().all(|task| task.index != 0), "booked: {:?}", resume.tasks);
}

#[tokio::test]
async fn an_image_that_was_pulled_later_is_told_to_the_orchestrator() {
    let mut engine = FakeEngine::without_image(exits(0));
    engine.registry = true;
    let (mut rig, _) = rig(engine).await;
    assert!(rig.orchestrator.resume().await.cached_images.is_empty());
    rig.leased().await;
    rig.assign(0);
    let images = rig.orchestrator.hear("its images", |body| match body {
        Body::Images(images) => Some(images.cached_images),
        _ => None,
    });
    assert_eq!(images.await, ["millrace/probe:1"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_restarted_worker_adopts_what_runs() {
    let (mut rig, engine) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
    assert_eq!(rig.containers().await, 1, "stopping the worker stops no container");
    rig.boot().await.unwrap();
    let resume = rig.orchestrator.resume().await;
    assert_eq!((resume.leases.len(), resume.tasks[0].phase()), (1, Phase::Running));
    rig.stop_task(0);
    assert_eq!(rig.orchestrator.end().await.failure.unwrap().code, "stopped");
    assert_eq!(engine.calls(), ["create 0", "start 0", "Terminate 0", "remove 0"]);
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn a_worker_without_its_journal_removes_what_it_does_not_know() {
    let (mut rig, _) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
    std::fs::remove_file(rig.data().join("journal")).unwrap();
    rig.boot().await.unwrap();
    assert!(rig.is_clean().await);
    rig.assign(0);
    assert_eq!(rig.orchestrator.end().await.failure.unwrap().code, "lease-unknown");
}

#[tokio::test]
async fn a_container_that_somebody_removes_is_reported() {
    let (mut rig, engine) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    engine.lose(millrace_agent::TaskKey { lease: rig.lease(), task: 0, attempt: 1 });
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("container-lost", Fault::Node));
}

#[tokio::test]
async fn a_deaf_container_is_killed_when_its_lease_ends() {
    let (mut rig, engine) = rig(FakeEngine::new(Script::Deaf)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.end_lease();
    let report = rig.lease_report().await;
    assert_eq!(report.result_root, [0; 32]);
    assert_eq!(engine.calls(), ["create 0", "start 0", "Terminate 0", "Kill 0", "remove 0"]);
}

#[tokio::test]
async fn logs_come_with_offsets_and_are_sent_again_from_where_they_are_stored() {
    let (mut rig, _) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(0);
    let chunk = |body| match body {
        Body::LogChunk(chunk) => Some(chunk),
        _ => None,
    };
    let first = rig.orchestrator.hear("a log", chunk).await;
    assert_eq!((first.offset, first.data.as_slice()), (0, b"first\nsecond\n".as_slice()));
    let ack = millrace_link::grpc::LogAck { lease: first.lease, index: 0, attempt: 1, offset: 6 };
    rig.orchestrator.say(millrace_link::grpc::orchestrator_message::Body::LogAck(ack));
    // The acknowledgement is on its way before the link breaks.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    rig.orchestrator.hang_up();
    let second = rig.orchestrator.hear("the rest of the log", chunk).await;
    assert_eq!((second.offset, second.data.as_slice()), (6, b"second\n".as_slice()));
    rig.stop().await;
}

#[tokio::test]
async fn a_lease_that_is_called_over_is_cleaned_away_and_named_no_more() {
    let (mut rig, engine) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let lease = rig.lease().0.to_vec();
    rig.orchestrator
        .say(millrace_link::grpc::orchestrator_message::Body::LeaseOver(millrace_link::grpc::LeaseOver { lease }));
    rig.orchestrator
        .hear("an empty heartbeat", |body| match body {
            Body::Heartbeat(heartbeat) if heartbeat.unverified().unwrap().leases.is_empty() => Some(()),
            _ => None,
        })
        .await;
    assert_eq!(engine.calls(), ["create 0", "start 0", "Terminate 0", "remove 0"]);
    assert!(rig.is_clean().await);
}

/// Not even by root: a mount is in the way, as is for another user what an engine has made in there as root.
#[tokio::test]
async fn a_task_ends_though_something_of_it_cannot_be_removed() {
    let (mut rig, _) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let task = std::fs::read_dir(rig.data().join("tasks")).unwrap().next().unwrap().unwrap();
    let held = task.path().join("outputs/held");
    std::fs::create_dir(&held).unwrap();
    std::fs::create_dir(task.path().join("outputs/other")).unwrap();
    let Some(disk) = SmallDisk::mount(&held) else {
        eprintln!("SKIPPED: this user may not mount a tmpfs");
        return;
    };
    rig.stop_task(0);
    assert!(rig.orchestrator.end().await.failure.is_some());
    assert!(rig.is_clean().await, "it is out of the way");
    let status: Status = control::ask(rig.data(), Ask::Status).await.unwrap();
    let mut name = task.file_name();
    name.push("-0");
    let aside = rig.data().canonicalize().unwrap().join("remains").join(name);
    assert_eq!(status.troubles.len(), 1, "{:?}", status.troubles);
    assert_eq!(status.troubles[0].code, "task-left-behind");
    assert!(status.troubles[0].cause.contains(&aside.display().to_string()), "{:?}", status.troubles);
    assert!(status.unfit.is_empty(), "it takes leases as before");
    assert_eq!(std::fs::read_dir(aside.join("outputs")).unwrap().count(), 1, "all that can be removed is");
    assert!(!aside.join("inputs").exists());

    rig.stop().await;
    disk.unmount_from(&aside.join("outputs/held"));
    rig.boot().await.unwrap();
    assert_eq!(std::fs::read_dir(rig.data().join("remains")).unwrap().count(), 0, "the next start tries again");
    rig.stop().await;
}

#[tokio::test]
async fn a_second_worker_leaves_the_firsts_containers_alone() {
    let (mut rig, engine) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let other = tempfile::tempdir().unwrap();
    let Err(error) = rig.worker_in(other.path()).await else { panic!("two workers for one node") };
    assert_eq!(millrace_protocol::Diagnostic::code(&error), "node-in-use");
    assert_eq!(engine.calls(), ["create 0", "start 0"]);
    rig.stop().await;
    rig.boot().await.expect("the first one is gone");
    rig.stop().await;
}

#[tokio::test]
async fn folders_stay_until_their_container_is_gone() {
    let (mut rig, engine) = rig(FakeEngine::new(exits(0))).await;
    engine.refusals.store(1, std::sync::atomic::Ordering::Relaxed);
    rig.leased().await;
    rig.assign(0);
    assert_eq!(rig.orchestrator.end().await.phase(), Phase::Done);
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn a_lease_whose_container_cannot_be_removed_is_not_vouched_for() {
    let (mut rig, engine) = rig(FakeEngine::new(exits(0))).await;
    engine.refusals.store(1_000, std::sync::atomic::Ordering::Relaxed);
    rig.leased().await;
    rig.assign(0);
    for n_named in [1, 0] {
        let names = |body| match body {
            Body::Heartbeat(heartbeat) => (heartbeat.unverified().unwrap().leases.len() == n_named).then_some(()),
            _ => None,
        };
        rig.orchestrator.hear_within(Duration::from_secs(40), "a heartbeat", names).await;
    }
    engine.refusals.store(0, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(rig.orchestrator.end().await.phase(), Phase::Done);
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn a_worker_that_holds_work_starts_on_a_full_disk_and_cleans_up() {
    let (mut rig, _) = rig(FakeEngine::new(Script::RunUntilStopped)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
    rig.tweak = |options| options.disk_reserve_mib = 1 << 40;
    rig.boot().await.expect("it has a container to look after");
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("disk-full", Fault::Node));
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn the_input_cache_is_kept_small_between_starts_too() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let small = |options: &mut millrace_worker::Options| options.cache_limit_mib = 1;
    let mut rig = Rig::start_with(engine, Objects::default(), offer::spec("true"), small).await;
    let old = rig.data().join("cache/old");
    std::fs::write(&old, vec![0; 2 << 20]).unwrap();
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    assert!(!old.exists());
    rig.stop().await;
}

#[tokio::test]
async fn finished_work_survives_an_endpoint_that_is_being_restarted() {
    let (mut rig, _) = rig(FakeEngine::new(exits(0))).await;
    // More often than one transfer tries by itself.
    rig.objects.fail(7);
    rig.leased().await;
    rig.assign(0);
    assert_eq!(rig.orchestrator.end().await.phase(), Phase::Done);
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn a_container_that_nobody_owns_goes_however_often_that_fails() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start(engine.clone(), Objects::default(), offer::spec("true")).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
    // Nobody knows of its task any more.
    std::fs::remove_file(rig.data().join("journal")).unwrap();
    engine.refusals.store(2, std::sync::atomic::Ordering::Relaxed);
    rig.boot().await.unwrap();
    assert_eq!(rig.containers().await, 1, "the engine was busy");
    for _ in 0..100 {
        if rig.is_clean().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(rig.is_clean().await, "its folders go after it");
    rig.stop().await;
}
