//! Images that mean harm before anything of them runs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bollard::models::{ContainerConfig, ContainerCreateBody};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateImageOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptions,
    StartContainerOptions, WaitContainerOptions,
};
use futures_util::TryStreamExt;
use millrace_agent::TaskKey;
use millrace_link::grpc::Failure;
use millrace_worker::Options;
use millrace_worker::container::{label, name};

use super::*;
use crate::support::false_registry::{FalseRegistry, SECRET};
use crate::support::registry::{tar, tar_header, tar_header_of};
use crate::support::small_disk::SmallDisk;

/// What the bomb may take of the engine's disk, in MiB.
const FUSE: u64 = 1_024;

async fn pulling() -> Option<Arc<dyn Engine>> {
    if !docker_is_here() {
        return None;
    }
    Some(Arc::new(Docker::connect(None, PullPolicy::IfMissing).await.expect("Docker is installed but does not answer")))
}

/// MiB that are free on the engine's disk.
fn free() -> u64 {
    let stat = rustix::fs::statvfs(engine_folder()).unwrap();
    stat.f_bavail * stat.f_frsize / 1_048_576
}

fn engine_folder() -> PathBuf {
    let told = std::process::Command::new("docker").args(["info", "--format", "{{.DockerRootDir}}"]).output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().into()
}

async fn failure(rig: &mut Rig) -> Failure {
    rig.leased().await;
    rig.assign(0);
    let failure = rig.orchestrator.end_within(Duration::from_secs(180)).await.failure.expect("it should fail");
    assert!(rig.is_clean().await, "something is left");
    failure
}

fn named(options: &mut Options) {
    options.registries.push("127.0.0.1".to_owned());
}

#[tokio::test]
async fn an_image_that_unpacks_to_more_than_there_is_room_for() {
    let Some(engine) = pulling().await else { return };
    let folder = tempfile::tempdir().unwrap();
    // So large that the reserve, which is as large as what is free on the engine's disk, does not matter there.
    let Some(_disk) = SmallDisk::of(folder.path(), "64t") else {
        eprintln!("SKIPPED: this user may not mount a tmpfs");
        return;
    };
    let registry = FalseRegistry::start().await;
    let image = format!("{}/bomb:1", registry.host);
    let before = free();
    let spec = JobSpec { image: image.clone(), ..offer::spec("true") };
    let mut rig = Rig::start_in(folder, engine.clone(), Objects::default(), spec, |options| {
        named(options);
        options.disk_reserve_mib = free() - FUSE;
    })
    .await;
    let failure = failure(&mut rig).await;
    assert_eq!((failure.code.as_str(), failure.fault()), ("image-too-large", Fault::Job), "{failure:?}");
    assert_eq!(engine.local_image(&image).await.unwrap(), None);
    let ended = Instant::now();
    while free() + FUSE / 2 < before {
        assert!(ended.elapsed() < Duration::from_secs(60), "the space does not come back: {} of {before} MiB", free());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    rig.stop().await;
}

#[tokio::test]
async fn an_image_whose_name_leads_into_the_rigs_own_networks() {
    let Some(engine) = pulling().await else { return };
    let registry = FalseRegistry::start().await;
    let spec = JobSpec { image: format!("{}/told:1", registry.host), ..offer::spec("true") };
    let mut rig = Rig::start(engine.clone(), Objects::default(), spec.clone()).await;
    let failure = failure(&mut rig).await;
    assert_eq!((failure.code.as_str(), failure.fault()), ("registry-forbidden", Fault::Job), "{failure:?}");
    assert_eq!(registry.requests(), 0, "nobody asked there");
    rig.stop().await;

    // Where the rig's owner lets it be asked, its answer is for the owner alone.
    let mut rig = Rig::start_with(engine, Objects::default(), spec, named).await;
    let failure = self::failure(&mut rig).await;
    assert!(registry.requests() > 0);
    assert!(failure.code == "pull-failed" || failure.code == "image-missing", "{failure:?}");
    assert!(!format!("{failure:?}").contains(SECRET), "{failure:?}");
    rig.stop().await;
}

#[tokio::test]
async fn an_image_of_the_rigs_owner_that_no_registry_gives_out() {
    let (Some(_), Some(engine)) = (self::engine().await, pulling().await) else { return };
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let id = docker.inspect_image(IMAGE).await.unwrap().id.unwrap();
    let id = id.strip_prefix("sha256:").unwrap();
    for image in [id, &id[..12], &format!("sha256:{id}")] {
        let spec = JobSpec { image: image.to_owned(), ..spec("true") };
        let mut rig = Rig::start(engine.clone(), Objects::default(), spec).await;
        let failure = failure(&mut rig).await;
        assert_eq!((failure.code.as_str(), failure.fault()), ("image-invalid", Fault::Job), "{failure:?}");
        rig.stop().await;
    }
    // It was built here, under a name that belongs to a registry.
    let mut rig = Rig::start(engine, Objects::default(), spec("true")).await;
    let failure = failure(&mut rig).await;
    assert_eq!(failure.code, "pull-failed", "{failure:?}");
    rig.stop().await;
}

#[tokio::test]
async fn an_image_with_volumes_where_none_can_lie() {
    let Some(engine) = engine().await else { return };
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    for (number, volume) in ["/", "/proc", "/inputs/mine", "relative"].into_iter().enumerate() {
        let image = format!("millrace/volumes-{}-{number}:1", std::process::id());
        let (repo, tag) = image.split_once(':').unwrap();
        let changes = vec![format!("VOLUME [\"{volume}\"]"), "CMD [\"/hello\"]".to_owned()];
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(repo).tag(tag).changes(changes).build();
        let layer = bollard::body_full(tar("hello", b"hello").into());
        docker.create_image(Some(options), Some(layer), None).try_collect::<Vec<_>>().await.unwrap();
        let spec = JobSpec { image: image.clone(), command: vec![], ..spec("true") };
        let mut rig = Rig::start(engine.clone(), Objects::default(), spec).await;
        let failure = failure(&mut rig).await;
        docker.remove_image(&image, None::<RemoveImageOptions>, None).await.unwrap();
        assert_eq!((failure.code.as_str(), failure.fault()), ("image-invalid", Fault::Job), "{volume}: {failure:?}");
        rig.stop().await;
    }
}

/// Docker 20.10 opens both on the rig, with a lock on the container: a pipe there was a container that nobody could
/// remove before Docker was killed.
#[tokio::test]
async fn an_image_whose_users_are_read_without_end() {
    let Some(engine) = engine().await else { return };
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let file = |name: &str, length: usize| {
        let mut file = tar_header(name, length);
        file.resize(file.len() + length.next_multiple_of(512), b'\n');
        file
    };
    let link = |target: &str| tar_header_of('2', "etc/group", target, 0);
    let images = [
        ("pipe", tar_header_of('6', "etc/group", "", 0), "image-invalid"),
        ("pipe-of-users", tar_header_of('6', "etc/passwd", "", 0), "image-invalid"),
        ("kernel", link("/proc/kmsg"), "image-invalid"),
        ("hidden", [file("dev/urandom", 1), link("../dev/urandom")].concat(), "image-invalid"),
        ("nowhere", link("/none"), "command-missing"),
        ("above", tar_header_of('2', "var/cache", "/proc/1/root", 0), "image-invalid"),
        ("round", link("group"), "image-invalid"),
        ("behind", [tar_header_of('6', "pipe", "", 0), link("/pipe")].concat(), "image-invalid"),
        ("large", file("etc/passwd", 2 * 1_048_576), "image-invalid"),
        // What the worker binds would hide the pipe from whoever looks at the container itself.
        (
            "bound",
            [tar_header_of('6', "etc/group", "", 0), tar_header_of('2', "inputs", "etc", 0)].concat(),
            "image-invalid",
        ),
        (
            "covered",
            [file("x/group", 10), tar_header_of('2', "inputs", "x", 0), link("/x/group")].concat(),
            "image-invalid",
        ),
        ("over", tar_header_of('2', "outputs", "/etc", 0), "image-invalid"),
        ("libraries", tar_header_of('6', "etc/ld.so.conf", "", 0), "image-invalid"),
        // It has no program, and says so.
        (
            "plain",
            [file("usr/lib/group", 10), link("../usr/lib/group"), file("etc/passwd", 10)].concat(),
            "command-missing",
        ),
    ];
    for (name, layer, expected) in images {
        let image = format!("millrace/users-{name}-{}:1", std::process::id());
        let (repo, tag) = image.split_once(':').unwrap();
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(repo).tag(tag).build();
        let layer = bollard::body_full([layer, vec![0; 1_024]].concat().into());
        docker.create_image(Some(options), Some(layer), None).try_collect::<Vec<_>>().await.unwrap();
        let spec = JobSpec { image: image.clone(), ..spec("true") };
        let mut rig = Rig::start(engine.clone(), Objects::default(), spec).await;
        let failure = failure(&mut rig).await;
        docker.remove_image(&image, None::<RemoveImageOptions>, None).await.unwrap();
        assert_eq!((failure.code.as_str(), failure.fault()), (expected, Fault::Job), "{name}: {failure:?}");
        rig.stop().await;
    }
}

/// What becomes of a job with an image of this layer, which was altered so; of the image nothing is left.
async fn failure_with(engine: &Arc<dyn Engine>, purpose: &str, layer: Vec<u8>, changes: &[&str]) -> Failure {
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let image = format!("millrace/{purpose}-{}:1", std::process::id());
    let (repo, tag) = image.split_once(':').unwrap();
    let changes = changes.iter().map(|change| (*change).to_owned()).collect::<Vec<_>>();
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(repo).tag(tag).changes(changes).build();
    let layer = bollard::body_full([layer, vec![0; 1_024]].concat().into());
    docker.create_image(Some(options), Some(layer), None).try_collect::<Vec<_>>().await.unwrap();
    failure_of_image(engine, &image).await
}

async fn failure_of_image(engine: &Arc<dyn Engine>, image: &str) -> Failure {
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let spec = JobSpec { image: image.to_owned(), ..spec("true") };
    let mut rig = Rig::start(engine.clone(), Objects::default(), spec).await;
    let failure = failure(&mut rig).await;
    docker.remove_image(image, None::<RemoveImageOptions>, None).await.unwrap();
    rig.stop().await;
    failure
}

/// The name of an image like the hostile one, but for this in its config.
async fn configured(purpose: &str, config: ContainerConfig) -> String {
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let image = format!("millrace/{purpose}:{}", std::process::id());
    let (repo, tag) = image.split_once(':').unwrap();
    let body = ContainerCreateBody { image: Some(IMAGE.to_owned()), ..ContainerCreateBody::default() };
    let made = docker.create_container(None, body).await.unwrap().id;
    let options = CommitContainerOptionsBuilder::default().container(&made).repo(repo).tag(tag).build();
    docker.commit_container(options, config).await.unwrap();
    docker.remove_container(&made, Some(RemoveContainerOptionsBuilder::default().v(true).build())).await.unwrap();
    image
}

fn link(name: &str, target: &str) -> Vec<u8> {
    tar_header_of('2', name, target, 0)
}

/// runc makes it, as root: below `/outputs` nobody but root could remove it again.
#[tokio::test]
async fn an_image_whose_working_directory_would_be_made_in_what_is_bound_or_the_kernels() {
    let Some(engine) = engine().await else { return };
    for (purpose, layer, directory, expected) in [
        ("outputs", vec![], "/outputs/x/y", "image-invalid"),
        ("inputs", vec![], "/inputs/a", "image-invalid"),
        ("secrets", vec![], "/run/secrets/a", "image-invalid"),
        ("sys", vec![], "/sys/a", "image-invalid"),
        ("proc", vec![], "/proc/a", "image-invalid"),
        ("linked", link("l", "outputs"), "/l/z", "image-invalid"),
        ("nowhere", link("l", "/outputs/m"), "/l", "image-invalid"),
        // Docker sees a folder there before the job's own lies over it.
        ("hidden", [link("l", "/outputs/m"), link("outputs/m", "/etc")].concat(), "/l", "image-invalid"),
        ("memory", link("l", "/tmp/m"), "/l", "image-invalid"),
        // Docker goes back from what is missing, and makes a folder there; the kernel does not even get to it.
        ("missing", link("l", "missing/../x"), "/l", "image-invalid"),
        ("below-missing", link("l", "missing/../x"), "/l/y", "image-invalid"),
        ("through-missing", [link("k", "/a/../x"), link("l", "k")].concat(), "/l", "image-invalid"),
        // These have no program, and say so.
        ("bound", vec![], "/outputs", "command-missing"),
        ("in-memory", link("l", "tmp"), "/l/x", "command-missing"),
        ("shared", vec![], "/dev/shm/x", "command-missing"),
        ("made", link("l", "x"), "/l/y", "command-missing"),
    ] {
        let change = format!("WORKDIR {directory}");
        let failure = failure_with(&engine, &format!("directory-{purpose}"), layer, &[&change]).await;
        assert_eq!((failure.code.as_str(), failure.fault()), (expected, Fault::Job), "{purpose}: {failure:?}");
        assert!(expected != "image-invalid" || failure.cause.contains("WORKDIR"), "{}", failure.cause);
    }
}

#[tokio::test]
async fn an_image_whose_volumes_would_be_made_in_what_is_bound_or_the_kernels() {
    let Some(engine) = engine().await else { return };
    for (purpose, layer, volume) in [
        ("outputs", vec![], "/outputs/a/b"),
        ("checkpoint", vec![], "/checkpoint/a"),
        ("linked", link("l", "outputs"), "/l/a/b"),
        ("over", link("l", "inputs"), "/l"),
        ("devices", link("l", "/dev"), "/l"),
        ("kernel", link("l", "/sys"), "/l/a"),
        ("root", link("l", "/"), "/l"),
        // What the worker has there itself, led elsewhere.
        ("temporary", link("tmp", "/outputs/a/b"), "/v"),
        ("secrets", link("run", "/outputs/a/b"), "/v"),
        ("round", link("inputs", "outputs/x"), "/v"),
    ] {
        let change = format!("VOLUME [\"{volume}\"]");
        let failure = failure_with(&engine, &format!("volume-{purpose}"), layer, &[&change]).await;
        assert_eq!((failure.code.as_str(), failure.fault()), ("image-invalid", Fault::Job), "{purpose}: {failure:?}");
    }
}

#[tokio::test]
async fn an_image_whose_config_no_runtime_takes() {
    let Some(engine) = engine().await else { return };
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let directory = |path: &str| ContainerConfig { working_dir: Some(path.to_owned()), ..Default::default() };
    for (purpose, config, told) in [
        ("nul", ContainerConfig { env: words(&["A=\0b"]), ..Default::default() }, "ENV"),
        ("nameless", ContainerConfig { env: words(&["=b"]), ..Default::default() }, "ENV"),
        ("nul-command", ContainerConfig { entrypoint: words(&["/bin/s\0h"]), ..Default::default() }, "ENTRYPOINT"),
        ("nul-directory", directory("/a\0b"), "WORKDIR"),
        ("relative", directory("a"), "WORKDIR"),
    ] {
        let image = configured(purpose, config).await;
        let failure = failure_of_image(&engine, &image).await;
        assert_eq!((failure.code.as_str(), failure.fault()), ("image-invalid", Fault::Job), "{purpose}: {failure:?}");
        assert!(failure.cause.contains(told), "{purpose}: {}", failure.cause);
    }
}

#[tokio::test]
async fn an_image_with_volumes_without_end() {
    let Some(engine) = engine().await else { return };
    for (number, expected) in [(64, "command-missing"), (65, "image-invalid")] {
        let volumes: Vec<String> = (0..number).map(|volume| format!("\"/v{volume}\"")).collect();
        let change = format!("VOLUME [{}]", volumes.join(","));
        let failure = failure_with(&engine, &format!("volumes-{number}"), vec![], &[&change]).await;
        assert_eq!((failure.code.as_str(), failure.fault()), (expected, Fault::Job), "{number}: {failure:?}");
    }
}

#[tokio::test]
async fn an_image_whose_labels_speak_to_programs_of_the_rigs_owner() {
    let Some(engine) = engine().await else { return };
    let mut theirs = vec![("traefik.enable", "true"), ("com.datadoghq.ad.check_names", "[\"http_check\"]")];
    theirs
        .extend([label::NODE, label::JOB, label::LEASE, label::TASK, label::RUN, label::EGRESS].map(|own| (own, "7")));
    let labels = theirs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let image = configured("labels", ContainerConfig { labels: Some(labels), ..Default::default() }).await;
    let spec = JobSpec { image: image.clone(), ..spec("trap 'exit 0' TERM; sleep 60 & wait") };
    let mut rig = Rig::start(engine, Objects::default(), spec).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let key = TaskKey { lease: rig.lease(), task: 0, attempt: 1 };
    let found = docker.inspect_container(&name(key), None).await.unwrap();
    rig.stop_task(0);
    rig.orchestrator.end().await;
    assert!(rig.is_clean().await);
    docker.remove_image(&image, None::<RemoveImageOptions>, None).await.unwrap();
    rig.stop().await;
    let labels = found.config.unwrap().labels.unwrap();
    for silent in ["traefik.enable", "com.datadoghq.ad.check_names", label::EGRESS] {
        assert_eq!(labels[silent], "", "{silent}: {labels:?}");
    }
    assert_eq!((labels[label::LEASE].as_str(), labels[label::TASK].as_str()), (key.lease.to_string().as_str(), "0"));
    assert!(!labels.values().any(|value| value == "7"), "{labels:?}");
}

#[tokio::test]
async fn an_image_with_volumes_where_a_job_of_another_kind_has_what_the_worker_binds() {
    let Some(engine) = engine().await else { return };
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let image = format!("millrace/unbound:{}", std::process::id());
    let (repo, tag) = image.split_once(':').unwrap();
    // Open to everybody, as a volume is that takes after them.
    let open = ["sh", "-c", "mkdir -p /checkpoint /run/secrets && chmod 777 /checkpoint /run/secrets"];
    let body = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        cmd: Some(open.map(str::to_owned).to_vec()),
        ..ContainerCreateBody::default()
    };
    let made = docker.create_container(None, body).await.unwrap().id;
    docker.start_container(&made, None::<StartContainerOptions>).await.unwrap();
    docker.wait_container(&made, None::<WaitContainerOptions>).try_collect::<Vec<_>>().await.unwrap();
    let options = CommitContainerOptionsBuilder::default().container(&made).repo(repo).tag(tag).build();
    let volumes = Some(vec!["/checkpoint".to_owned(), "/run/secrets".to_owned()]);
    docker.commit_container(options, ContainerConfig { volumes, ..ContainerConfig::default() }).await.unwrap();
    let with_volumes = RemoveContainerOptionsBuilder::default().v(true).build();
    docker.remove_container(&made, Some(with_volumes)).await.unwrap();

    let attack = "for folder in /checkpoint /run/secrets; do
        echo x > $folder/x && grep \" $folder \" /proc/mounts
    done > /outputs/report";
    let mut rig = Rig::start(engine, Objects::default(), JobSpec { image: image.clone(), ..spec(attack) }).await;
    rig.leased().await;
    let report = report_of(&mut rig).await;
    docker.remove_image(&image, None::<RemoveImageOptions>, None).await.unwrap();
    let mounts: Vec<&str> = report.lines().collect();
    assert_eq!(mounts.len(), 2, "{report}");
    for (mount, folder) in mounts.into_iter().zip(["/checkpoint", "/run/secrets"]) {
        assert!(mount.starts_with(&format!("tmpfs {folder} tmpfs ")) && mount.contains("size=262144k"), "{mount}");
    }
    rig.stop().await;
}
