//! What a buyer seals for the rig: on an engine in memory, and in real Docker.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use millrace_agent::TaskKey;
use millrace_client::Keypair;
use millrace_client::keys::address_of;
use millrace_link::grpc;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{Fault, Phase};
use millrace_protocol::Address;
use millrace_seal::{Binding, DataKey, Identity, InputKey, RegistryLogin, SecretBytes, Secrets};
use millrace_spec::{JobSpec, ObjectRef, Sealed, Sha256};

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;
use crate::support::small_disk::SmallDisk;

const SALT: Sha256 = Sha256([3; 32]);
const SCENE: &[u8] = b"a scene that nobody but the rig may see";
const TOKEN: &str = "correct-horse-battery-staple";

/// The wallet that opened the rigs' job.
pub fn buyer() -> SigningKey {
    SigningKey::from_bytes(&[4; 32])
}

fn buyer_address() -> Address {
    Address(buyer().verifying_key().to_bytes())
}

pub fn spec_with(script: &str, sealed: Sealed) -> JobSpec {
    JobSpec { sealed: Some(sealed), ..offer::spec(script) }
}

pub fn token() -> Secrets {
    Secrets { files: [("token".to_owned(), SecretBytes(TOKEN.into()))].into(), ..Secrets::default() }
}

pub fn wants_token() -> Sealed {
    Sealed { files: vec!["token".to_owned()], ..Sealed::default() }
}

/// What an envelope for the rig's lease is bound to.
fn binding(rig: &Rig) -> Binding {
    Binding {
        program: millrace_client::address::program(),
        job: rig.job.address,
        node: rig.node.address,
        lease: rig.lease(),
    }
}

pub fn envelope(rig: &Rig, secrets: &Secrets) -> Vec<u8> {
    millrace_seal::seal(secrets, binding(rig), rig.node.node_key, &buyer()).unwrap()
}

/// The worker's word on it: none, or why not.
pub async fn bring(rig: &mut Rig, envelope: Vec<u8>) -> Option<String> {
    let lease = rig.lease().0.to_vec();
    rig.orchestrator.say(Body::Sealed(grpc::Sealed { lease, envelope }));
    rig.orchestrator
        .hear("what became of the envelope", |body| match body {
            WorkerBody::SealedReply(reply) => Some(reply.refusal.map(|refusal| refusal.code)),
            _ => None,
        })
        .await
}

async fn rig(script: Script, objects: Objects, spec: JobSpec) -> (Rig, Arc<FakeEngine>) {
    let engine = Arc::new(FakeEngine::new(script));
    let mut rig = Rig::start_for(buyer_address(), engine.clone(), objects, spec).await;
    rig.leased().await;
    (rig, engine)
}

/// No file below the folder has any of it in the clear.
pub fn tells_nothing(folder: &std::path::Path, secret: &[u8]) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            tells_nothing(&entry.path(), secret);
        } else if entry.file_type().unwrap().is_file() {
            let content = std::fs::read(entry.path()).unwrap();
            assert!(!content.windows(secret.len()).any(|window| window == secret), "{:?}", entry.path());
        }
    }
}

#[tokio::test]
async fn a_task_waits_for_its_secrets_and_finds_them_as_files() {
    let (mut rig, engine) = rig(Script::RunUntilStopped, Objects::default(), spec_with("true", wants_token())).await;
    rig.assign(0);
    let waits = rig.orchestrator.phase(Phase::AwaitingSecrets).await;
    assert!(waits.secrets_until > 1_700_000_000, "{waits:?}");
    assert!(engine.calls().is_empty());
    let envelope = envelope(&rig, &token());
    assert_eq!(bring(&mut rig, envelope).await, None);
    rig.orchestrator.phase(Phase::Running).await;
    let plan = engine.plan();
    let folder = plan.secrets.clone().unwrap();
    assert_eq!(std::fs::read_to_string(folder.join("token")).unwrap(), TOKEN);
    assert!(folder.starts_with("/dev/shm"), "in memory");
    assert!(!format!("{plan:?}").contains(TOKEN), "what the engine is told has nothing of it");
    tells_nothing(rig.data(), TOKEN.as_bytes());
    rig.stop_task(0);
    rig.orchestrator.end().await;
    assert!(!folder.exists());
    rig.end_lease();
    rig.lease_report().await;
}

#[tokio::test]
async fn envelopes_of_others_and_for_others_are_refused_by_name_and_the_task_goes_on_waiting() {
    let (mut rig, engine) = rig(Script::RunUntilStopped, Objects::default(), spec_with("true", wants_token())).await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::AwaitingSecrets).await;
    let seal = |binding: Binding, node_key: Address, by: &SigningKey| {
        millrace_seal::seal(&token(), binding, node_key, by).unwrap()
    };
    let (right, key) = (binding(&rig), rig.node.node_key);
    let stranger = SigningKey::from_bytes(&[5; 32]);
    let other = address_of(&Keypair::new());
    let mut damaged = seal(right, key, &buyer());
    *damaged.last_mut().unwrap() ^= 1;
    for (envelope, code) in [
        (seal(Binding { lease: other, ..right }, key, &buyer()), "envelope-of-another-lease"),
        (seal(Binding { job: other, ..right }, key, &buyer()), "envelope-of-another-lease"),
        (seal(Binding { node: other, ..right }, key, &buyer()), "envelope-of-another-lease"),
        (seal(right, key, &stranger), "envelope-not-the-buyers"),
        (seal(right, other, &buyer()), "sealed-to-another"),
        (damaged, "sealed-damaged"),
        (vec![0; millrace_seal::LARGEST_ENVELOPE + 1], "envelope-too-large"),
    ] {
        assert_eq!(bring(&mut rig, envelope).await.as_deref(), Some(code));
    }
    assert!(engine.calls().is_empty());
    let envelope = envelope(&rig, &token());
    assert_eq!(bring(&mut rig, envelope).await, None);
    rig.orchestrator.phase(Phase::Running).await;
}

#[tokio::test]
async fn a_restarted_worker_needs_its_buyer_no_more() {
    let (mut rig, engine) = rig(Script::RunUntilStopped, Objects::default(), spec_with("true", wants_token())).await;
    let envelope = envelope(&rig, &token());
    assert_eq!(bring(&mut rig, envelope).await, None);
    rig.stop().await;
    rig.boot().await.unwrap();
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let folder = engine.plan().secrets.unwrap();
    assert_eq!(std::fs::read_to_string(folder.join("token")).unwrap(), TOKEN);
    // And over a restart while the container runs its files stay.
    rig.stop().await;
    rig.boot().await.unwrap();
    assert!(folder.join("token").exists());
    tells_nothing(rig.data(), TOKEN.as_bytes());
}

#[tokio::test]
async fn an_envelope_that_lacks_a_secret_fails_the_task_by_name() {
    let (mut rig, _) = rig(Script::RunUntilStopped, Objects::default(), spec_with("true", wants_token())).await;
    let envelope = envelope(&rig, &Secrets::default());
    assert_eq!(bring(&mut rig, envelope).await, None);
    rig.assign(0);
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("secrets-missing", Fault::Job));
    assert!(failure.cause.contains("token"), "{}", failure.cause);
    assert!(rig.is_clean().await);
}

/// A job whose one input is encrypted, what the endpoint has of it, and what opens it.
fn encrypted(objects: &Objects, change: impl FnOnce(&mut Vec<u8>)) -> (JobSpec, Secrets) {
    let key = DataKey::derive(&buyer(), SALT);
    let mut sealed = Vec::new();
    let (plain, _) = millrace_seal::encrypt(&key.identity().recipient(), SCENE, &mut sealed).unwrap();
    change(&mut sealed);
    let object = objects.put(&sealed);
    let sealed = Sealed { inputs: Some(SALT), ..Sealed::default() };
    let mut spec = spec_with("true", sealed);
    spec.inputs = BTreeMap::from([("scene/a.pov".to_owned(), object)]);
    let plain = BTreeMap::from([("scene/a.pov".to_owned(), plain)]);
    (spec, Secrets { inputs: Some(InputKey { key, plain }), ..Secrets::default() })
}

#[tokio::test]
async fn inputs_are_decrypted_on_the_rig_alone_and_go_with_the_task() {
    let objects = Objects::default();
    let (spec, secrets) = encrypted(&objects, |_| {});
    let (mut rig, engine) = rig(Script::RunUntilStopped, objects, spec).await;
    let envelope = envelope(&rig, &secrets);
    assert_eq!(bring(&mut rig, envelope).await, None);
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let input = engine.plan().inputs.join("scene/a.pov");
    assert_eq!(std::fs::read(&input).unwrap(), SCENE);
    rig.stop_task(0);
    rig.orchestrator.end().await;
    tells_nothing(rig.data(), SCENE);
}

#[tokio::test]
async fn tampered_truncated_and_wrongly_keyed_inputs_fail_by_name() {
    type Change = fn(&mut Vec<u8>);
    let changes: [Change; 3] = [
        |sealed| *sealed.last_mut().unwrap() ^= 1,
        |sealed| sealed.truncate(sealed.len() - 1),
        |sealed| sealed.truncate(10),
    ];
    for change in changes {
        let objects = Objects::default();
        let (spec, secrets) = encrypted(&objects, change);
        assert_eq!(fails(objects, spec, secrets).await, "input-sealed");
    }
    let objects = Objects::default();
    let (spec, mut secrets) = encrypted(&objects, |_| {});
    let inputs = secrets.inputs.as_mut().unwrap();
    inputs.key = DataKey::derive(&buyer(), Sha256([9; 32]));
    assert_eq!(fails(objects, spec, secrets).await, "input-sealed", "another key");

    let objects = Objects::default();
    let (spec, mut secrets) = encrypted(&objects, |_| {});
    let inputs = secrets.inputs.as_mut().unwrap();
    inputs.plain.insert("scene/a.pov".to_owned(), ObjectRef { sha256: Sha256([1; 32]), size: 1 });
    assert_eq!(fails(objects, spec, secrets).await, "input-sealed", "another file under the same key");
}

async fn fails(objects: Objects, spec: JobSpec, secrets: Secrets) -> String {
    let (mut rig, engine) = rig(Script::RunUntilStopped, objects, spec).await;
    let envelope = envelope(&rig, &secrets);
    assert_eq!(bring(&mut rig, envelope).await, None);
    rig.assign(0);
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!(failure.fault(), Fault::Job);
    assert!(engine.calls().is_empty(), "no container sees it");
    assert!(rig.is_clean().await);
    failure.code
}

#[tokio::test]
async fn outputs_leave_the_rig_only_encrypted_and_without_the_buyer_being_there() {
    let to = Identity::of_key(&buyer()).recipient().to_string();
    let sealed = Sealed { outputs: Some(to), ..Sealed::default() };
    let script = Script::Exit { code: 0, files: vec![("frame.png", "pixels of mine")] };
    let (mut rig, _) = rig(script, Objects::default(), spec_with("true", sealed)).await;
    rig.assign(0);
    let done = rig.orchestrator.end().await;
    assert_eq!(done.phase(), Phase::Done);
    assert_eq!(done.outputs[0].path, "frame.png.age");
    let stored = rig.objects.get(&done.outputs[0].sha256).unwrap();
    assert!(!stored.windows(6).any(|window| window == b"pixels"));
    let mut plain = Vec::new();
    millrace_seal::decrypt(&Identity::of_key(&buyer()), &stored[..], &mut plain).unwrap();
    assert_eq!(plain, b"pixels of mine");
    assert!(rig.is_clean().await);
}

/// A rig whose task's program has written 6 MiB of outputs, to be encrypted on a disk of 40 MiB, and has not ended;
/// `None` where this user may not mount one.
async fn rig_with_outputs(mounted: &Path) -> Option<(Rig, Arc<FakeEngine>, SmallDisk, TaskKey)> {
    let Some(disk) = SmallDisk::of(mounted, "40m") else {
        eprintln!("SKIPPED: this user may not mount a tmpfs");
        return None;
    };
    let to = Identity::of_key(&buyer()).recipient().to_string();
    let spec = spec_with("true", Sealed { outputs: Some(to), ..Sealed::default() });
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let folder = tempfile::tempdir_in(mounted).unwrap();
    let mut rig = Rig::start_in(folder, engine.clone(), Objects::default(), spec, |_| {}).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    std::fs::write(engine.plan().outputs.join("frame.png"), vec![7; 6 << 20]).unwrap();
    let key = TaskKey { lease: rig.lease(), task: 0, attempt: 1 };
    Some((rig, engine, disk, key))
}

#[tokio::test]
async fn what_was_encrypted_before_makes_room_for_the_result() {
    let mounted = tempfile::tempdir().unwrap();
    let Some((mut rig, engine, _disk, key)) = rig_with_outputs(mounted.path()).await else { return };
    // As a worker that was killed while it uploaded leaves them, and a round that was broken off.
    let sealed = rig.data().join(format!("tasks/{key}/sealed"));
    std::fs::create_dir_all(sealed.join("early")).unwrap();
    for left in ["5", "early/0"] {
        std::fs::write(sealed.join(left), vec![7; 14 << 20]).unwrap();
    }
    engine.end(key, 0);
    let done = rig.orchestrator.end().await;
    assert_eq!(done.phase(), Phase::Done, "{:?}", done.failure);
    rig.stop().await;
}

#[tokio::test]
async fn a_result_waits_for_room_that_others_have_for_a_moment() {
    let mounted = tempfile::tempdir().unwrap();
    let Some((mut rig, engine, _disk, key)) = rig_with_outputs(mounted.path()).await else { return };
    let others = mounted.path().join("others");
    std::fs::write(&others, vec![7; 28 << 20]).unwrap();
    engine.end(key, 0);
    let sealed = rig.data().join(format!("tasks/{key}/sealed"));
    while !sealed.exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(std::fs::read_dir(&sealed).unwrap().count(), 0, "there was room");
    std::fs::remove_file(others).unwrap();
    let done = rig.orchestrator.end().await;
    assert_eq!(done.phase(), Phase::Done, "{:?}", done.failure);
    rig.stop().await;
}

#[tokio::test]
async fn inputs_that_a_killed_worker_has_decrypted_make_room_for_those_of_the_next() {
    let mounted = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(mounted.path()) else {
        eprintln!("SKIPPED: this user may not mount a tmpfs");
        return;
    };
    let objects = Objects::default();
    let (spec, secrets) = encrypted(&objects, |_| {});
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let folder = tempfile::tempdir_in(mounted.path()).unwrap();
    let mut rig = Rig::start_for_in(folder, buyer_address(), engine.clone(), objects, spec).await;
    rig.leased().await;
    let envelope = envelope(&rig, &secrets);
    assert_eq!(bring(&mut rig, envelope).await, None);
    let key = TaskKey { lease: rig.lease(), task: 0, attempt: 1 };
    let inputs = rig.data().join(format!("tasks/{key}/inputs"));
    std::fs::create_dir_all(&inputs).unwrap();
    std::fs::write(inputs.join("large.pov"), vec![7; 12 << 20]).unwrap();
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    assert!(!inputs.join("large.pov").exists() && inputs.join("scene/a.pov").exists());
    rig.stop().await;
}

#[tokio::test]
async fn a_recipient_that_is_none_is_the_buyers_fault() {
    let sealed = Sealed { outputs: Some(format!("age1{}", "q".repeat(58))), ..Sealed::default() };
    let script = Script::Exit { code: 0, files: vec![("frame.png", "pixels")] };
    let (mut rig, _) = rig(script, Objects::default(), spec_with("true", sealed)).await;
    rig.assign(0);
    let failure = rig.orchestrator.end().await.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.fault()), ("output-invalid", Fault::Job));
}

#[tokio::test]
async fn a_login_is_brought_to_the_engine_for_the_pull_alone() {
    let login = RegistryLogin { host: "docker.io".into(), username: "buyer".into(), password: TOKEN.into() };
    let sealed = Sealed { registry: Some("docker.io".to_owned()), ..Sealed::default() };
    let secrets = Secrets { registry: Some(login.clone()), ..Secrets::default() };
    let engine = Arc::new(FakeEngine::without_image(Script::RunUntilStopped));
    let spec = spec_with("true", sealed.clone());
    let mut rig = Rig::start_for(buyer_address(), engine.clone(), Objects::default(), spec).await;
    rig.leased().await;
    let envelope = envelope(&rig, &secrets);
    assert_eq!(bring(&mut rig, envelope).await, None);
    rig.assign(0);
    rig.orchestrator.end().await;
    assert_eq!(*engine.logins.lock().unwrap(), [Some(login)]);
    tells_nothing(rig.data(), TOKEN.as_bytes());

    // One that is for another registry is not sent, whatever the envelope says.
    let elsewhere = RegistryLogin { host: "evil.example".into(), username: "a".into(), password: "b".into() };
    let engine = Arc::new(FakeEngine::without_image(Script::RunUntilStopped));
    let mut rig = Rig::start_for(buyer_address(), engine.clone(), Objects::default(), spec_with("true", sealed)).await;
    rig.leased().await;
    let envelope = self::envelope(&rig, &Secrets { registry: Some(elsewhere), ..Secrets::default() });
    assert_eq!(bring(&mut rig, envelope).await, None);
    rig.assign(0);
    rig.orchestrator.end().await;
    assert_eq!(*engine.logins.lock().unwrap(), [None]);
}

#[tokio::test]
async fn what_is_for_no_lease_of_the_rigs_is_refused() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let spec = spec_with("true", wants_token());
    let mut rig = Rig::start_for(buyer_address(), engine, Objects::default(), spec).await;
    let envelope = envelope(&rig, &token());
    assert_eq!(bring(&mut rig, envelope).await.as_deref(), Some("lease-unknown"));
    assert!(rig.orchestrator.listen(Duration::from_millis(300)).await.is_some(), "it goes on beating");
}
