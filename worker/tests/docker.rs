//! Real containers. Without a Docker socket these tests say so and check nothing; continuous
//! integration has one.

mod logs;

use std::sync::Arc;

use bollard::models::{ContainerConfig, ContainerCreateBody, ContainerInspectResponse, HealthConfig, HealthStatusEnum};
use bollard::query_parameters::{CommitContainerOptionsBuilder, RemoveImageOptions, WaitContainerOptions};
use futures_util::TryStreamExt;
use millrace_agent::TaskKey;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{self, Fault, Phase};
use millrace_spec::{JobSpec, Runtime};
use millrace_worker::PullPolicy;
use millrace_worker::container::docker::Docker;
use millrace_worker::container::{Engine, name};

use crate::support::docker_is_here;
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::relay::Relay;
use crate::support::rig::Rig;
use crate::support::small_disk::SmallDisk;

const IMAGE: &str = "millrace/probe:1";

/// The engine with the probe image, or a loud reason to skip.
async fn engine(pull: PullPolicy) -> Option<Arc<dyn Engine>> {
    if !docker_is_here() {
        return None;
    }
    let docker = Docker::connect(None, pull).await.expect("Docker is installed but does not answer");
    let found = docker.local_image(IMAGE).await.unwrap();
    assert!(found.is_some(), "{IMAGE} is missing: build it with tools/images/build probe");
    Some(Arc::new(docker))
}

/// A leased rig that runs `spec`; `None` without Docker.
async fn rig(spec: JobSpec) -> Option<Rig> {
    let mut rig = Rig::start(engine(PullPolicy::Never).await?, Objects::default(), spec).await;
    rig.leased().await;
    Some(rig)
}

async fn inspect(rig: &Rig, task: u32) -> ContainerInspectResponse {
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let key = TaskKey { lease: rig.lease(), task, attempt: 1 };
    docker.inspect_container(&name(key), None).await.unwrap()
}

/// Ends well on SIGTERM, like a program should.
const PATIENT: &str = "trap 'exit 0' TERM; echo up; sleep 60 & wait";

async fn failure_of(rig: &mut Rig, task: u32) -> grpc::Failure {
    rig.assign(task);
    let failure = rig.orchestrator.end().await.failure.expect("it should fail");
    assert!(rig.is_clean().await, "something is left");
    failure
}

/// With gVisor in Docker, under the name `runsc`; without it this says so and checks nothing. Whatever else is
/// registered under that name is a stand-in, and shows only that the engine was asked for it.
#[tokio::test]
async fn a_job_that_asks_for_gvisor_runs_on_a_kernel_that_is_not_the_rigs() {
    let Some(engine) = engine(PullPolicy::Never).await else { return };
    if !engine.info().await.unwrap().gvisor {
        eprintln!("skipped: Docker has no runtime `runsc`");
        return;
    }
    let script = "cat /proc/version > /outputs/kernel; id -u > /outputs/user; echo x > /new; trap 'exit 0' TERM; \
                  echo up; sleep 60 & wait";
    let spec = JobSpec { runtime: Some(Runtime::Gvisor), ..offer::spec(script) };
    let mut rig = Rig::start(engine, Objects::default(), spec).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let host = inspect(&rig, 0).await.host_config.unwrap();
    assert_eq!(host.runtime.as_deref(), Some("runsc"));
    let outputs = std::fs::read_dir(rig.data().join("tasks")).unwrap().flatten().next().unwrap().path().join("outputs");
    let kernel = std::fs::read_to_string(outputs.join("kernel")).unwrap();
    assert_ne!(std::fs::read_to_string(outputs.join("user")).unwrap().trim(), "0");
    match kernel == std::fs::read_to_string("/proc/version").unwrap() {
        true => eprintln!("the runtime `runsc` here is a stand-in: the job saw the rig's own kernel"),
        false => assert!(kernel.starts_with("Linux version 4.4.0"), "gVisor calls itself that, and not {kernel}"),
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_secret_is_a_file_in_the_container_and_nothing_that_the_engine_knows() {
    use crate::sealed::{bring, buyer, envelope, spec_with, tells_nothing, token, wants_token};
    let Some(engine) = engine(PullPolicy::Never).await else { return };
    let script = "cp /run/secrets/token /outputs/copy; id -u > /outputs/user; \
                  echo x > /run/secrets/token && echo written > /outputs/written; sleep 60 & wait";
    let buyer = millrace_protocol::Address(buyer().verifying_key().to_bytes());
    let spec = spec_with(&format!("trap 'exit 0' TERM; {script}"), wants_token());
    let mut rig = Rig::start_for(buyer, engine, Objects::default(), spec).await;
    rig.leased().await;
    let envelope = envelope(&rig, &token());
    assert_eq!(bring(&mut rig, envelope).await, None);
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let secret = b"correct-horse-battery-staple";
    let copy = std::fs::read_dir(rig.data().join("tasks")).unwrap().flatten().next().unwrap().path().join("outputs");
    assert_eq!(std::fs::read(copy.join("copy")).unwrap(), secret);
    assert_ne!(std::fs::read_to_string(copy.join("user")).unwrap().trim(), "0");
    assert!(!copy.join("written").exists(), "read-only");
    let shown = serde_json::to_string(&inspect(&rig, 0).await).unwrap();
    assert!(shown.contains("/run/secrets") && !shown.contains("correct-horse"), "{shown}");
    std::fs::remove_file(copy.join("copy")).unwrap();
    tells_nothing(rig.data(), secret);
    rig.stop_task(0);
    rig.orchestrator.end().await;
    assert!(rig.is_clean().await);
    let left = std::path::Path::new("/dev/shm").join(format!("millrace-{}", rig.node.address));
    assert!(!left.exists());
}

#[tokio::test]
async fn the_engine_was_given_every_limit() {
    let Some(mut rig) = rig(offer::spec(PATIENT)).await else { return };
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let container = inspect(&rig, 0).await;
    let host = container.host_config.unwrap();
    assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
    assert!(host.security_opt.unwrap().contains(&"no-new-privileges".to_owned()));
    assert_eq!((host.memory, host.memory_swap), (Some(64 << 20), Some(64 << 20)));
    assert_eq!((host.pids_limit, host.nano_cpus), (Some(32), Some(1_000_000_000)));
    assert_eq!((host.network_mode.as_deref(), host.readonly_rootfs), (Some("none"), Some(true)));
    assert_eq!(host.privileged, Some(false));
    let log = host.log_config.unwrap();
    assert_eq!((log.typ.as_deref(), log.config.unwrap()["max-size"].as_str()), (Some("local"), "32m"));
    let config = container.config.unwrap();
    assert!(!config.user.unwrap().starts_with('0'));
    let labels = config.labels.unwrap();
    assert_eq!(labels["millrace.node"], rig.node.address.to_string());
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let own_network = docker.inspect_network("bridge", None).await.ok().and_then(|network| network.id);
    assert_eq!(labels.get("millrace.run"), own_network.as_ref(), "which run of the engine it is of");
    rig.stop_task(0);
    rig.orchestrator.end().await;
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn a_container_sees_its_cage_from_inside() {
    let script = "
        set -e
        cd /outputs
        id -u > user
        grep -E 'CapEff|NoNewPrivs' /proc/self/status > privileges
        ls /sys/class/net > network
        cat /inputs/scene.txt > scene
        (echo x > /inputs/new) 2>/dev/null && echo yes > wrote-inputs
        (echo x > /inputs/scene.txt) 2>/dev/null && echo yes > changed-input
        (echo x > /bin/new) 2>/dev/null && echo yes > wrote-root
        echo x > /tmp/scratch
        env | grep MILLRACE > environment
        true
    ";
    let objects = Objects::default();
    let mut spec = offer::spec(script);
    spec.inputs.insert("scene.txt".into(), objects.put(b"sphere"));
    let Some(engine) = engine(PullPolicy::Never).await else { return };
    let mut rig = Rig::start(engine, objects, spec).await;
    rig.leased().await;
    rig.assign(1);
    let done = rig.orchestrator.end().await;
    assert_eq!(done.phase(), Phase::Done, "{:?}", done.failure);
    let read = |name: &str| {
        let output = done.outputs.iter().find(|output| output.path == name)?;
        Some(String::from_utf8(rig.objects.get(&output.sha256).unwrap().to_vec()).unwrap())
    };
    assert_ne!(read("user").unwrap().trim(), "0");
    let privileges = read("privileges").unwrap();
    assert!(privileges.contains("CapEff:\t0000000000000000"), "{privileges}");
    assert!(privileges.contains("NoNewPrivs:\t1"), "{privileges}");
    assert_eq!(read("network").unwrap().trim(), "lo");
    assert_eq!(read("scene").unwrap(), "sphere");
    for forbidden in ["wrote-inputs", "changed-input", "wrote-root"] {
        assert_eq!(read(forbidden), None, "{forbidden}");
    }
    let environment = read("environment").unwrap();
    assert!(
        environment.contains("MILLRACE_TASK_INDEX=1") && environment.contains("MILLRACE_SIMULATED_GPU=rtx-4090:24576")
    );
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn an_exit_code_is_reported_and_nothing_is_left() {
    let Some(mut rig) = rig(offer::spec("echo broken >&2; exit 7")).await else { return };
    let failure = failure_of(&mut rig, 0).await;
    assert_eq!((failure.code.as_str(), failure.exit_code, failure.fault()), ("exit-code", Some(7), Fault::Job));
}

#[tokio::test]
async fn a_disk_that_somebody_else_fills_is_the_rigs_fault_and_still_cleaned() {
    let Some(engine) = engine(PullPolicy::Never).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(folder.path()) else {
        eprintln!("SKIPPED: this user may not mount a tmpfs");
        return;
    };
    let script = "until [ -e /outputs/go ]; do sleep 1; done; head -c 8m /dev/zero > /outputs/big";
    let mut rig = Rig::start_in(folder, engine, Objects::default(), offer::spec(script), |_| {}).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let key = TaskKey { lease: rig.lease(), task: 0, attempt: 1 };
    std::fs::write(rig.data().join(format!("tasks/{key}/outputs/go")), "").unwrap();
    let full = std::fs::write(rig.data().join("somebody-elses"), vec![1; 32 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("disk-full", Fault::Node), "{failure:?}");
    assert!(rig.is_clean().await);
    rig.end_lease();
    rig.lease_report().await;
    rig.stop().await;
}

#[tokio::test]
async fn a_disk_that_was_filled_without_a_worker_is_the_fault_of_whoever_filled_it() {
    for (script, elses, expected) in [
        ("head -c 8m /dev/zero > /outputs/big", 32 << 20, ("disk-full", Fault::Node)),
        ("head -c 32m /dev/zero > /outputs/big", 0, ("output-invalid", Fault::Job)),
        ("exit 1", 0, ("exit-code", Fault::Job)),
    ] {
        let Some(engine) = engine(PullPolicy::Never).await else { return };
        let folder = tempfile::tempdir().unwrap();
        let Some(_disk) = SmallDisk::mount(folder.path()) else {
            eprintln!("SKIPPED: this user may not mount a tmpfs");
            return;
        };
        let spec = offer::spec(&format!("until [ -e /inputs/go ]; do sleep 0.1; done; {script}"));
        let mut rig = Rig::start_in(folder, engine, Objects::default(), spec, |_| {}).await;
        rig.leased().await;
        rig.assign(0);
        rig.orchestrator.phase(Phase::Running).await;
        rig.stop().await;
        let full = std::fs::write(rig.data().join("somebody-elses"), vec![1; elses]).is_err();
        assert_eq!(full, elses > 0);
        rig.go(0);
        while inspect(&rig, 0).await.state.unwrap().running == Some(true) {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        rig.boot().await.unwrap();
        let failure = rig.orchestrator.end().await.failure.unwrap();
        assert_eq!((failure.code.as_str(), failure.fault()), expected, "{failure:?}");
        assert!(rig.is_clean().await);
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_missing_image_has_a_hint_and_leaves_nothing() {
    let mut spec = offer::spec("true");
    spec.image = "millrace/no-such-image:1".into();
    let Some(mut rig) = rig(spec).await else { return };
    let failure = failure_of(&mut rig, 0).await;
    assert_eq!((failure.code.as_str(), failure.fault()), ("image-missing", Fault::Job));
    assert!(failure.hint.contains("registry"), "{}", failure.hint);
    assert!(failure.cause.contains("millrace/no-such-image:1"), "{}", failure.cause);
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_the_rigs_trouble() {
    let mut spec = offer::spec("true");
    spec.image = "localhost:1/no-such-image:1".into();
    let Some(engine) = engine(PullPolicy::IfMissing).await else { return };
    let named = |options: &mut millrace_worker::Options| options.registries.push("localhost:1".to_owned());
    let mut rig = Rig::start_with(engine, Objects::default(), spec, named).await;
    rig.leased().await;
    let failure = failure_of(&mut rig, 0).await;
    assert_eq!((failure.code.as_str(), failure.fault()), ("pull-failed", Fault::Node));
}

#[tokio::test]
async fn a_command_that_is_not_there_cannot_be_started() {
    let mut spec = offer::spec("");
    spec.command = vec!["/bin/no-such-program".into()];
    let Some(mut rig) = rig(spec).await else { return };
    let failure = failure_of(&mut rig, 0).await;
    assert_eq!((failure.code.as_str(), failure.fault()), ("command-missing", Fault::Job), "{failure:?}");
}

#[tokio::test]
async fn a_restarted_worker_adopts_a_running_container() {
    let script = "echo before; until [ -e /inputs/never ] || [ -e /tmp/done ]; do sleep 1; touch /tmp/done; done; \
                  sleep 2; echo after; echo result > /outputs/frame.png";
    let Some(mut rig) = rig(offer::spec(script)).await else { return };
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let started = inspect(&rig, 0).await.state.unwrap().started_at;
    rig.stop().await;
    assert_eq!(inspect(&rig, 0).await.state.unwrap().running, Some(true), "it runs on without a worker");
    rig.boot().await.unwrap();
    assert_eq!(inspect(&rig, 0).await.state.unwrap().started_at, started, "it is the same one");
    let done = rig.orchestrator.end().await;
    assert_eq!((done.phase(), done.outputs.len()), (Phase::Done, 1), "{:?}", done.failure);
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn a_container_that_ended_without_a_worker_is_collected() {
    let script = "sleep 1; echo alone; echo result > /outputs/frame.png";
    let Some(mut rig) = rig(offer::spec(script)).await else { return };
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
    while inspect(&rig, 0).await.state.unwrap().running == Some(true) {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    rig.boot().await.unwrap();
    let (mut log, mut done) = (vec![], None);
    while log != b"alone\n" || done.is_none() {
        match rig.orchestrator.hear("the log and the end", Some).await {
            WorkerBody::LogChunk(chunk) => log = chunk.data,
            WorkerBody::TaskUpdate(update) if update.phase() == Phase::Done => done = Some(update),
            _ => {}
        }
    }
    assert_eq!(done.unwrap().outputs.len(), 1);
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn a_container_that_nobody_owns_is_removed() {
    let Some(mut rig) = rig(offer::spec(PATIENT)).await else { return };
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.stop().await;
    std::fs::remove_file(rig.data().join("journal")).unwrap();
    rig.boot().await.unwrap();
    assert!(rig.is_clean().await);
}

/// The name of an image like the probe's, but for what `script` changes in it as root, and for `config`.
async fn altered(purpose: &str, script: &str, config: ContainerConfig) -> String {
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let image = format!("millrace/probe-{purpose}:{}", std::process::id());
    let (repo, tag) = image.split_once(':').unwrap();
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let user = Some("0:0".to_owned());
    let probe = ContainerCreateBody { image: Some(IMAGE.into()), cmd: Some(command), user, ..Default::default() };
    let probe = docker.create_container(None, probe).await.unwrap().id;
    docker.start_container(&probe, None).await.unwrap();
    docker.wait_container(&probe, None::<WaitContainerOptions>).try_collect::<Vec<_>>().await.unwrap();
    let options = CommitContainerOptionsBuilder::default().container(&probe).repo(repo).tag(tag).build();
    docker.commit_container(options, config).await.unwrap();
    docker.remove_container(&probe, None).await.unwrap();
    image
}

async fn forget(image: &str) {
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    docker.remove_image(image, None::<RemoveImageOptions>, None).await.unwrap();
}

#[tokio::test]
async fn an_images_health_check_is_never_run() {
    let Some(engine) = engine(PullPolicy::Never).await else { return };
    let check = HealthConfig { test: Some(vec!["CMD".into(), "true".into()]), ..Default::default() };
    let image = altered("health", "true", ContainerConfig { healthcheck: Some(check), ..Default::default() }).await;
    let spec = JobSpec { image: image.clone(), ..offer::spec(PATIENT) };
    let mut rig = Rig::start(engine, Objects::default(), spec).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let container = inspect(&rig, 0).await;
    rig.stop_task(0);
    rig.orchestrator.end().await;
    assert!(rig.is_clean().await);
    forget(&image).await;
    assert_eq!(container.config.unwrap().healthcheck.unwrap().test, Some(vec!["NONE".to_owned()]));
    let health = container.state.unwrap().health.and_then(|health| health.status);
    assert!(matches!(health, None | Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY)), "{health:?}");
}

#[tokio::test]
async fn an_image_whose_folders_are_none_is_invalid_and_not_the_rigs_fault() {
    let working_dir = |path: &str| ContainerConfig { working_dir: Some(path.into()), ..Default::default() };
    for (purpose, script, config) in [
        ("file", "touch /file", working_dir("/file")),
        ("below", "touch /file", working_dir("/file/folder")),
        ("circle", "ln -s circle /circle", working_dir("/circle")),
        ("process", "ln -s /proc/1 /outputs", ContainerConfig::default()),
        ("processes", "ln -s /proc /outputs", ContainerConfig::default()),
        ("round", "rm -rf /tmp; ln -s tmp /tmp", ContainerConfig::default()),
        ("users", "rm -f /etc/passwd; mkdir -p /etc/passwd", ContainerConfig::default()),
    ] {
        let Some(engine) = engine(PullPolicy::Never).await else { return };
        let image = altered(purpose, script, config).await;
        let spec = JobSpec { image: image.clone(), ..offer::spec("true") };
        let mut rig = Rig::start(engine, Objects::default(), spec).await;
        rig.leased().await;
        let failure = failure_of(&mut rig, 0).await;
        forget(&image).await;
        assert_eq!((failure.code.as_str(), failure.fault()), ("image-invalid", Fault::Job), "{purpose}: {failure:?}");
    }
}

#[tokio::test]
async fn an_images_volumes_lie_in_memory() {
    let Some(engine) = engine(PullPolicy::Never).await else { return };
    let config = ContainerConfig { volumes: Some(vec!["/scratch".into()]), ..Default::default() };
    let image = altered("volume", "true", config).await;

    let mut spec = offer::spec("echo x > /scratch/x && grep ' /scratch ' /proc/mounts > /outputs/mount");
    spec.image = image.clone();
    let mut rig = Rig::start(engine, Objects::default(), spec).await;
    rig.leased().await;
    rig.assign(0);
    let end = rig.orchestrator.end().await;
    forget(&image).await;
    assert_eq!(end.phase(), Phase::Done, "{:?}", end.failure);
    let mount = rig.objects.get(&end.outputs[0].sha256).unwrap();
    assert!(mount.starts_with(b"tmpfs /scratch"), "{mount:?}");
    assert!(rig.is_clean().await);
}

/// Whether the next heartbeat says that the rig works for its lease.
async fn is_named(rig: &mut Rig) -> bool {
    let named = |body| match body {
        WorkerBody::Heartbeat(heartbeat) => Some(!heartbeat.unverified().unwrap().leases.is_empty()),
        _ => None,
    };
    rig.orchestrator.hear("heartbeat", named).await
}

/// Until a heartbeat says so, or says so no more.
async fn named(rig: &mut Rig, expected: bool) {
    let heard = async { while is_named(rig).await != expected {} };
    let patience = std::time::Duration::from_secs(30);
    assert!(tokio::time::timeout(patience, heard).await.is_ok(), "never named: {expected}");
}

#[tokio::test]
async fn while_docker_is_away_only_what_is_seen_to_run_is_called_running() {
    let Some(mut relay) = Relay::open() else { return };
    let engine = Docker::connect(Some(&relay.host()), PullPolicy::Never).await.unwrap();
    let mut rig = Rig::start(Arc::new(engine), Objects::default(), offer::spec(PATIENT)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    named(&mut rig, true).await;
    let own = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let container = inspect(&rig, 0).await.id.unwrap();

    relay.close().await;
    // Longer than from one look to the next.
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(8);
    while tokio::time::Instant::now() < until {
        assert!(is_named(&mut rig).await, "it runs: that shows without Docker");
    }
    own.kill_container(&container, None).await.unwrap();
    named(&mut rig, false).await;

    relay.reopen();
    let failure = rig.orchestrator.end().await.failure.expect("nobody knows how it ended");
    assert_eq!(failure.code, "container-lost");
    named(&mut rig, true).await;
    assert!(rig.is_clean().await);
}
