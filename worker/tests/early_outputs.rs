//! A real program whose outputs are seen before its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_link::grpc::worker_message::Body;
use millrace_link::grpc::{EarlyOutputs, Phase, Round, Setback};
use millrace_protocol::Seconds;
use millrace_spec::merkle::{self, Leaf};
use millrace_spec::{JobSpec, Manifest, ObjectRef, Sealed};
use millrace_worker::PullPolicy;
use millrace_worker::container::docker::Docker;

use crate::support::docker_is_here;
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

/// Does `before`, waits to be told, and does `after`.
fn spec(before: &str, after: &str) -> JobSpec {
    let mut spec = offer::spec(&format!("cd /outputs\n{before}\nuntil [ -e /inputs/go ]; do sleep 0.1; done\n{after}"));
    spec.outputs = Some(millrace_spec::EarlyOutputs { every: Seconds(10) });
    spec
}

async fn rig(objects: Objects, spec: JobSpec) -> Rig {
    let engine = Arc::new(Docker::connect(None, PullPolicy::Never).await.unwrap());
    let mut rig = Rig::start(engine, objects, spec).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig
}

impl Rig {
    async fn early_outputs(&mut self) -> EarlyOutputs {
        let told = self.orchestrator.hear("early outputs", |body| match body {
            Body::EarlyOutputs(told) => Some(told),
            _ => None,
        });
        told.await
    }

    async fn setback(&mut self) -> Setback {
        let told = self.orchestrator.hear("a setback", |body| match body {
            Body::Setback(told) => Some(told),
            _ => None,
        });
        told.await
    }
}

fn files(objects: &Objects, told: &EarlyOutputs) -> BTreeMap<String, Vec<u8>> {
    let manifest = objects.get(&told.manifest).expect("the manifest is there");
    assert_eq!(manifest.len() as u64, told.manifest_size);
    let manifest = Manifest::from_bytes(&manifest).unwrap();
    let content = |object: ObjectRef| objects.get(&object.sha256.0).expect("the file is there").to_vec();
    manifest.files.into_iter().map(|file| (file.path, content(file.object))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_finished_comes_before_the_end_and_the_result_is_what_is_there_then() {
    if !docker_is_here() {
        return;
    }
    let before = "mkdir a; head -c 200000 /dev/zero > a/frame.partial; mv a/frame.partial a/frame; echo one > log; \
        echo half > never.partial; (until [ -e /inputs/go ]; do echo more >> growing; sleep 0.3; done) &";
    let objects = Objects::default();
    // As where the endpoint is being restarted.
    objects.fail(2);
    let mut rig = rig(objects.clone(), spec(before, "wait; echo two > log; rm never.partial; echo new > last")).await;
    let told = rig.early_outputs().await;
    assert_eq!((told.index, told.attempt), (0, 1));
    let early = files(&objects, &told);
    assert_eq!(early.keys().collect::<Vec<_>>(), ["a/frame", "log"], "what is being written is not there");
    assert_eq!((early["a/frame"].len(), early["log"].as_slice()), (200_000, &b"one\n"[..]));
    // The link breaks: what may have been missed is said again, and nothing is sent again.
    let before = objects.uploads();
    rig.orchestrator.hang_up();
    assert_eq!(rig.early_outputs().await.manifest, told.manifest);
    rig.go(0);
    let done = rig.orchestrator.end().await;
    assert_eq!(done.phase(), Phase::Done, "{:?}", done.failure);
    let content = |path: &str| {
        let output = done.outputs.iter().find(|output| output.path == path).expect("an output is missing");
        objects.get(&output.sha256).unwrap()
    };
    let paths: Vec<&str> = done.outputs.iter().map(|output| output.path.as_str()).collect();
    assert_eq!(paths, ["a/frame", "growing", "last", "log"]);
    assert_eq!((content("log").as_ref(), content("last").as_ref()), (&b"two\n"[..], &b"new\n"[..]));
    assert_eq!(objects.uploads() - before, 3, "what had not changed was there");
    let leaves = done.outputs.iter().map(|output| {
        let sha256 = millrace_spec::Sha256(output.sha256.as_slice().try_into().unwrap());
        Leaf { task: 0, path: output.path.clone(), object: ObjectRef { sha256, size: output.size } }
    });
    let root = merkle::root(leaves.collect());
    rig.acknowledge(0);
    rig.end_lease();
    assert_eq!(rig.lease_report().await.result_root, root.0);
    assert!(rig.is_clean().await);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_be_no_result_is_told_early_and_fails_nothing() {
    if !docker_is_here() {
        return;
    }
    let mut rig = rig(Objects::default(), spec("echo x > fine; ln -s /etc/passwd trick", "rm trick")).await;
    let told = rig.setback().await;
    let failure = told.failure.clone().unwrap();
    assert_eq!((told.index, told.attempt, told.round()), (0, 1, Round::Outputs));
    assert_eq!(failure.code, "early-outputs-invalid");
    assert!(failure.cause.ends_with("trick is a link") && !failure.hint.is_empty(), "{failure:?}");
    rig.orchestrator.hang_up();
    assert_eq!(rig.setback().await, told, "it is said again after a break");
    assert_eq!(rig.objects.len(), 0);
    rig.go(0);
    let done = rig.orchestrator.end().await;
    assert_eq!(done.phase(), Phase::Done, "{:?}", done.failure);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_outputs_are_encrypted_early_too() {
    if !docker_is_here() {
        return;
    }
    let key = millrace_seal::Identity::of_key(&ed25519_dalek::SigningKey::from_bytes(&[5; 32]));
    let mut spec = spec("echo secret > frame", "true");
    spec.sealed = Some(Sealed { outputs: Some(key.recipient().to_string()), ..Sealed::default() });
    let objects = Objects::default();
    let mut rig = rig(objects.clone(), spec).await;
    let early = files(&objects, &rig.early_outputs().await);
    assert_eq!(early.keys().collect::<Vec<_>>(), ["frame.age"]);
    let mut plain = Vec::new();
    millrace_seal::decrypt(&key, early["frame.age"].as_slice(), &mut plain).unwrap();
    assert_eq!(plain, b"secret\n");
    assert_eq!(objects.get(&millrace_spec::sha256(b"secret\n").0), None, "in the open it never left the rig");
    rig.go(0);
    let done = rig.orchestrator.end().await;
    assert_eq!(done.outputs.iter().map(|output| output.path.as_str()).collect::<Vec<_>>(), ["frame.age"]);
    assert!(rig.is_clean().await);
    rig.stop().await;
}
