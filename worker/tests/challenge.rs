//! A worker answers GPU challenges, each GPU in a process of its own.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_challenge::{Challenge, Commitment, Issued, Kind, Millis, OpenedTile, Opening, Tiles, Verdict, Within};
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{
    GpuAnnouncement, GpuChallenge, GpuChallengeDeclined, GpuCommitment, GpuOpening, GpuRefusal, GpuSeed, OpenTiles,
    Phase, offer_reply,
};
use millrace_worker::Options;
use millrace_worker::control::{self, Ask};
use millrace_worker::status::Status;
use sha2::Digest as _;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::nvml_stub::{NvmlStub, gpu};
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

const SIMULATED: &str = "SIMULATED-0";

#[test]
#[ignore = "the process that workers start, not a test"]
fn prover_process() {
    millrace_worker::answer_challenge().unwrap();
}

/// This very test binary, asked for one test that is none.
fn with_prover(options: &mut Options) {
    let own = std::env::current_exe().unwrap().into_os_string();
    options.prover = vec![own, "challenge::prover_process".into(), "--exact".into(), "--ignored".into()];
}

async fn simulated() -> Rig {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    Rig::start_with(engine, Objects::default(), offer::spec("true"), with_prover).await
}

/// A rig whose driver is the stand-in, built with these variants.
async fn on_gpus(nvml: &NvmlStub, cuda: PathBuf) -> Rig {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start_on_gpus(engine, offer::spec("true"), nvml.library()).await;
    rig.stop().await;
    let worker = rig.worker_with(rig.data(), |options| {
        with_prover(options);
        options.cuda_library = cuda;
    });
    let worker = worker.await.unwrap();
    worker.connected().await;
    rig.worker = Some(worker);
    rig
}

fn cuda_stub(folder: &tempfile::TempDir) -> PathBuf {
    let library = folder.path().join("libcuda.so.1");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/cuda/tests/stub/libcuda.c");
    let built = Command::new("cc")
        .args(["-std=gnu11", "-O2", "-shared", "-fPIC", "-DNVML_UUID", "-x", "c", "-o"])
        .args([library.as_os_str(), source.as_ref()])
        .output()
        .expect("a C compiler: ./dev setup");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library
}

fn challenge(rig: &Rig, gpu: &str, tiles: u32) -> Challenge {
    Challenge {
        nonce: [5; 32],
        node: rig.node.address,
        gpu: gpu.to_owned(),
        tiles: Tiles::nearest(tiles),
        samples: 4,
        within: Within { commit: Millis(60_000), open: Millis(60_000) },
        accept_simulated: true,
    }
}

fn ask(rig: &Rig, number: u64, challenge: &Challenge) {
    let seed = GpuSeed { gpu: challenge.gpu.clone(), nonce: challenge.nonce.to_vec(), tiles: challenge.tiles.count() };
    let (commit_millis, open_millis) = (challenge.within.commit.0, challenge.within.open.0);
    let message = GpuChallenge { number, gpus: vec![seed], commit_millis, open_millis };
    rig.orchestrator.say(Body::GpuChallenge(message));
}

async fn announcement(rig: &mut Rig) -> GpuAnnouncement {
    rig.orchestrator
        .hear("which GPUs it has", |body| match body {
            WorkerBody::GpuAnnouncement(told) => Some(told),
            _ => None,
        })
        .await
}

async fn commitment(rig: &mut Rig) -> GpuCommitment {
    rig.orchestrator
        .hear("a commitment", |body| match body {
            WorkerBody::GpuCommitment(told) => Some(told),
            WorkerBody::GpuChallengeDeclined(declined) => panic!("{declined:?}"),
            _ => None,
        })
        .await
}

async fn declined(rig: &mut Rig) -> (u64, String) {
    let GpuChallengeDeclined { number, reason } = rig
        .orchestrator
        .hear("that it declines", |body| match body {
            WorkerBody::GpuChallengeDeclined(told) => Some(told),
            _ => None,
        })
        .await;
    (number, reason.unwrap().code)
}

/// Takes the worker through a challenge, and verifies what it says.
async fn examine(rig: &mut Rig, number: u64, challenge: Challenge) -> (Verdict, Vec<u8>) {
    ask(rig, number, &challenge);
    let told = commitment(rig).await;
    assert_eq!(told.number, number);
    let kind = if told.simulated { Kind::Cpu } else { Kind::Cuda };
    let root = told.root.try_into().unwrap();
    let commitment = Commitment { gpu: told.gpu.clone(), tiles: told.tiles, root, kind };
    let committed = Issued::new(challenge, Millis(0)).commit(commitment, Millis(1), [1; 32]).unwrap();
    let request = OpenTiles { number, gpu: told.gpu, tiles: committed.request().to_vec() };
    rig.orchestrator.say(Body::OpenTiles(request));
    let opening: GpuOpening = rig
        .orchestrator
        .hear("an opening", |body| match body {
            WorkerBody::GpuOpening(told) => Some(told),
            _ => None,
        })
        .await;
    let tile = |tile: &millrace_link::grpc::OpenedTile| OpenedTile {
        tile: tile.tile,
        words: tile.words.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect(),
        path: tile.path.iter().map(|digest| digest.as_slice().try_into().unwrap()).collect(),
    };
    let opening = Opening { tiles: opening.tiles.iter().map(tile).collect() };
    (committed.verify(&opening, Millis(2), [2; 32]).unwrap(), told.driver)
}

#[tokio::test]
async fn simulated_gpus_answer_on_the_processor_and_say_so_again_and_again() {
    let mut rig = simulated().await;
    let told = announcement(&mut rig).await;
    assert_eq!((told.gpus.as_slice(), told.simulated), ([SIMULATED.to_owned()].as_slice(), true));
    for number in 1..=2 {
        let challenge = challenge(&rig, SIMULATED, 16);
        // The first one's process may still be on its way out.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (verdict, driver) = examine(&mut rig, number, challenge).await;
        assert_eq!((verdict.kind, driver), (Kind::Cpu, vec![0; 32]));
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_gpu_answers_through_its_driver_whose_digest_is_told() {
    let (nvml, folder) = (NvmlStub::build(&[]), tempfile::tempdir().unwrap());
    let library = cuda_stub(&folder);
    let mut rig = on_gpus(&nvml, library.clone()).await;
    let challenge = challenge(&rig, &gpu(0), 16);
    let (verdict, driver) = examine(&mut rig, 1, challenge).await;
    let expected: [u8; 32] = sha2::Sha256::digest(std::fs::read(library).unwrap()).into();
    assert_eq!((verdict.kind, driver.as_slice()), (Kind::Cuda, expected.as_slice()));
    rig.stop().await;
}

#[tokio::test]
async fn a_gpu_that_cannot_answer_says_why() {
    let nvml = NvmlStub::build(&[]);
    let mut rig = on_gpus(&nvml, "/nowhere/libcuda.so.1".into()).await;
    let first = challenge(&rig, &gpu(0), 16);
    ask(&rig, 1, &first);
    assert_eq!(declined(&mut rig).await, (1, "cuda-driver-missing".to_owned()));
    let other = challenge(&rig, "GPU-of-another-rig", 16);
    ask(&rig, 2, &other);
    assert_eq!(declined(&mut rig).await, (2, "challenge-not-ours".to_owned()));
    rig.stop().await;
}

#[tokio::test]
async fn a_job_that_comes_is_taken_at_once_and_the_challenge_ends() {
    let mut rig = simulated().await;
    let long = challenge(&rig, SIMULATED, 1_024);
    ask(&rig, 1, &long);
    ask(&rig, 2, &long);
    assert_eq!(declined(&mut rig).await, (2, "challenge-under-way".to_owned()));
    let began = Instant::now();
    let offer = offer::offer(rig.scheduler(), &rig.job, &rig.node, &rig.spec, offer::PRICE);
    rig.orchestrator.say(Body::Offer(offer));
    assert_eq!(declined(&mut rig).await, (1, "challenge-rig-busy".to_owned()));
    let reply = rig.orchestrator.hear("its signature", |body| match body {
        WorkerBody::OfferReply(reply) => reply.result,
        _ => None,
    });
    assert!(matches!(reply.await, offer_reply::Result::Signature(_)));
    assert!(began.elapsed() < Duration::from_secs(4), "it waited for the processor");
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    ask(&rig, 3, &long);
    assert_eq!(declined(&mut rig).await, (3, "challenge-rig-busy".to_owned()));
    rig.end_lease();
    rig.lease_report().await;
    rig.stop().await;
}

#[tokio::test]
async fn what_the_network_refuses_is_told_to_the_rigs_owner() {
    let mut rig = simulated().await;
    let told = ("challenge-wrong-product", "tile 3 is not the product of its seed tiles", "look for memory errors");
    let refusal = GpuRefusal { code: told.0.to_owned(), cause: told.1.to_owned(), hint: told.2.to_owned() };
    rig.orchestrator.say(Body::GpuRefusal(refusal));
    let trouble = loop {
        let status: Status = control::ask(rig.data(), Ask::Status).await.unwrap();
        if let Some(trouble) = status.troubles.into_iter().find(|trouble| trouble.code == told.0) {
            break trouble;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((trouble.cause.as_str(), trouble.hint.as_str()), (told.1, told.2));
    rig.stop().await;
}
