//! A real program that counts, and goes on counting where its last attempt was when it had to leave.

use std::sync::Arc;

use millrace_link::grpc::worker_message::Body;
use millrace_link::grpc::{Checkpoint, CheckpointSaved, Phase};
use millrace_protocol::Seconds;
use millrace_spec::{Checkpointing, JobSpec};
use millrace_worker::PullPolicy;
use millrace_worker::container::docker::Docker;

use crate::support::docker_is_here;
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

/// Counts ten times a second, keeps the count whole, and saves it with the time it was told to stop.
const COUNTER: &str = "n=0; [ -e /checkpoint/state/count ] && n=$(cat /checkpoint/state/count); echo from $n; \
    echo $MILLRACE_RESTORED_ATTEMPT > /outputs/restored; \
    save() { mkdir -p /checkpoint/state; echo $n > /checkpoint/count.partial; \
             mv /checkpoint/count.partial /checkpoint/state/count; }; \
    trap 'save; echo $n > /checkpoint/told; exit 0' TERM; \
    echo half > /checkpoint/never.partial; \
    while [ $n -lt ${LAST:-100000} ]; do n=$((n+1)); [ $((n % 10)) -eq 0 ] && save; sleep 0.1; done; \
    echo $n > /outputs/count";

fn counting(last: Option<u32>) -> JobSpec {
    let mut spec = offer::spec(COUNTER);
    spec.checkpoint = Some(Checkpointing { every: Seconds(10) });
    spec.limits.task_seconds = 300;
    spec.env.extend(last.map(|last| ("LAST".to_owned(), last.to_string())));
    spec
}

async fn rig(objects: Objects, spec: JobSpec) -> Rig {
    let engine = Arc::new(Docker::connect(None, PullPolicy::Never).await.unwrap());
    let mut rig = Rig::start(engine, objects, spec).await;
    rig.leased().await;
    rig
}

impl Rig {
    async fn checkpoint_saved(&mut self) -> CheckpointSaved {
        let saved = self.orchestrator.hear("a checkpoint", |body| match body {
            Body::CheckpointSaved(saved) => Some(saved),
            _ => None,
        });
        saved.await
    }
}

fn file(objects: &Objects, checkpoint: &Checkpoint, path: &str) -> Option<String> {
    let manifest = objects.get(&checkpoint.manifest).expect("the manifest is there");
    assert_eq!(manifest.len() as u64, checkpoint.manifest_size);
    let manifest = millrace_spec::Manifest::from_bytes(&manifest).unwrap();
    let file = manifest.files.iter().find(|file| file.path == path)?;
    Some(String::from_utf8(objects.get(&file.object.sha256.0).unwrap().to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_preempted_goes_on_from_its_checkpoint_on_another_rig() {
    if !docker_is_here() {
        return;
    }
    let objects = Objects::default();
    let mut first = rig(objects.clone(), counting(None)).await;
    first.assign(0);
    first.orchestrator.phase(Phase::Running).await;
    // While it runs.
    let periodic = first.checkpoint_saved().await.checkpoint.unwrap();
    let early: u32 = file(&objects, &periodic, "state/count").unwrap().trim().parse().unwrap();
    assert!(early >= 10, "{early}");
    assert_eq!(file(&objects, &periodic, "never.partial"), None, "what is not whole stays");
    // And when it is told.
    first.give_notice(60);
    let last = first.checkpoint_saved().await;
    assert_eq!((last.index, last.attempt, last.files), (0, 1, 2));
    let last = last.checkpoint.unwrap();
    assert_eq!(first.orchestrator.end().await.failure.unwrap().code, "preempted");
    let count: u32 = file(&objects, &last, "state/count").unwrap().trim().parse().unwrap();
    assert_eq!(file(&objects, &last, "told").unwrap().trim(), count.to_string());
    assert!(count >= early);
    assert!(first.is_clean().await);
    first.stop().await;

    let mut second = rig(objects.clone(), counting(Some(count + 5))).await;
    (second.attempt, second.checkpoint) = (2, Some(last));
    second.assign(0);
    let done = second.orchestrator.end().await;
    assert_eq!(done.phase(), Phase::Done, "{:?}", done.failure);
    let output = |name: &str| {
        let output = done.outputs.iter().find(|output| output.path == name).unwrap();
        String::from_utf8(objects.get(&output.sha256).unwrap().to_vec()).unwrap()
    };
    assert_eq!(output("count").trim(), (count + 5).to_string());
    assert_eq!(output("restored").trim(), "1", "it is told whose checkpoint it has");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_is_not_what_it_was_is_not_begun_with() {
    if !docker_is_here() {
        return;
    }
    let objects = Objects::default();
    let lost = Checkpoint { manifest: vec![7; 32], manifest_size: 9, attempt: 1 };
    let manifest = objects.put(br#"{"files":[{"path":"../escaped","object":{"sha256":"00","size":1}}]}"#);
    let escaping = Checkpoint { manifest: manifest.sha256.0.to_vec(), manifest_size: manifest.size, attempt: 1 };
    let content = objects.put(b"41");
    let named = millrace_spec::Manifest {
        files: vec![millrace_spec::ManifestFile { path: "state/count".into(), object: content }],
    };
    let named = objects.put(&named.to_bytes());
    objects.corrupt(&content);
    let corrupt = Checkpoint { manifest: named.sha256.0.to_vec(), manifest_size: named.size, attempt: 1 };
    for checkpoint in [lost, escaping, corrupt] {
        let mut rig = rig(objects.clone(), counting(Some(3))).await;
        (rig.attempt, rig.checkpoint) = (2, Some(checkpoint));
        rig.assign(0);
        let done = rig.orchestrator.end().await;
        assert_eq!(done.phase(), Phase::Done, "{:?}", done.failure);
        let restored = done.outputs.iter().find(|output| output.path == "restored").unwrap();
        assert_eq!(objects.get(&restored.sha256).unwrap().as_ref(), b"\n", "it is told that it begins with nothing");
        rig.stop().await;
    }
}

/// A program that fills the folder, or lays tricks in it, loses by it and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_checkpoint_folder_brings_nothing_away_and_no_rig_down() {
    if !docker_is_here() {
        return;
    }
    let tricks = [
        "ln -s /etc/passwd /checkpoint/trick",
        "mkfifo /checkpoint/pipe",
        "truncate -s 1T /checkpoint/sparse",
        "while true; do mkdir -p /checkpoint/d && echo x > /checkpoint/d/f; rm -r /checkpoint/d; ln -s /etc /checkpoint/d; \
         rm /checkpoint/d; done & true",
    ];
    for trick in tricks {
        let objects = Objects::default();
        let mut spec = offer::spec(&format!("trap 'exit 0' TERM; {trick}; while true; do sleep 0.1; done"));
        spec.checkpoint = Some(Checkpointing { every: Seconds(10) });
        let mut rig = rig(objects.clone(), spec).await;
        rig.assign(0);
        rig.orchestrator.phase(Phase::Running).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        rig.give_notice(60);
        let end = rig.orchestrator.end().await;
        assert_eq!(end.failure.unwrap().code, "preempted", "{trick}");
        let passwd = std::fs::read("/etc/passwd").unwrap();
        assert_eq!(objects.get(&millrace_spec::sha256(&passwd).0), None, "{trick}");
        assert!(rig.is_clean().await, "{trick}");
        rig.stop().await;
    }
    // What really fills the disk ends the task, as it does under /outputs.
    let mut spec = offer::spec("head -c 40000000 /dev/zero > /checkpoint/full.partial; while true; do sleep 0.1; done");
    spec.checkpoint = Some(Checkpointing { every: Seconds(10) });
    let mut rig = rig(Objects::default(), spec).await;
    rig.assign(0);
    assert_eq!(rig.orchestrator.end().await.failure.unwrap().code, "output-invalid");
    assert!(rig.is_clean().await);
    rig.stop().await;
}
