use std::path::Path;

use millrace_challenge::{Challenge, Cpu, Device, Issued, Kind, Millis, Prover, Tiles, Within};
use millrace_cuda::{Driver, Error, Found, LIBRARY};
use millrace_protocol::{Address, Diagnostic};
use sha2::Digest as _;

use crate::stub::Stub;

const FIRST: &str = "GPU-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadae00";
const SECOND: &str = "GPU-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadae01";

fn challenge(gpu: &str, tiles: u32) -> Challenge {
    Challenge {
        nonce: [5; 32],
        node: Address([9; 32]),
        gpu: gpu.to_owned(),
        tiles: Tiles::nearest(tiles),
        samples: 8,
        within: Within { commit: Millis(10), open: Millis(10) },
        accept_simulated: false,
    }
}

fn refused(error: Error, code: &str) {
    assert_eq!(error.code(), code);
    assert!(!error.hint().is_empty() && !error.hint().ends_with('.') && !error.to_string().is_empty());
}

#[test]
fn an_answer_computed_through_the_driver_is_verified() {
    let stub = Stub::build(&[]);
    let driver = Driver::load(&stub.path()).unwrap();
    let file = std::fs::read(stub.path()).unwrap();
    assert_eq!(driver.digest().unwrap()[..], sha2::Sha256::digest(file)[..]);
    let challenge = challenge(FIRST, 10);
    let mut prover = Prover::work(driver.open(FIRST).unwrap(), &challenge).unwrap();
    let commitment = prover.commitment();
    assert_eq!(commitment.kind, Kind::Cuda);
    assert_eq!(commitment.root, Prover::work(Cpu::default(), &challenge).unwrap().commitment().root);
    let committed = Issued::new(challenge, Millis(0)).commit(commitment, Millis(10), [1; 32]).unwrap();
    let opening = prover.open(committed.request()).unwrap();
    assert!(committed.verify(&opening, Millis(20), [2; 32]).is_ok());
    assert!(stub.held() > 0);
    drop(prover);
    assert_eq!(stub.held(), 0, "everything was given back");
}

/// More products than are under way at a time, the last ones a part of a chunk.
#[test]
fn kernels_do_what_the_processor_does_over_several_chunks() {
    let stub = Stub::build(&[]);
    let driver = Driver::load(&stub.path()).unwrap();
    let challenge = challenge(FIRST, 2 * 600);
    let (mut gpu, mut cpu) = (driver.open(FIRST).unwrap(), Cpu::default());
    let key = millrace_challenge::stream::Key::from_bytes(challenge.nonce);
    gpu.fill(&key, challenge.tiles).unwrap();
    cpu.fill(&key, challenge.tiles).unwrap();
    let partners: Vec<u32> = (0..600u32).map(|tile| tile * 7 % 600).collect();
    gpu.multiply(600, &partners).unwrap();
    cpu.multiply(600, &partners).unwrap();
    for tile in [0, 599, 600, 601, 1_111, 1_112, 1_199] {
        assert!(gpu.read(tile).unwrap() == cpu.read(tile).unwrap(), "tile {tile}");
    }
    assert!(gpu.digests().unwrap() == cpu.digests().unwrap());
}

#[test]
fn each_gpu_is_found_by_its_uuid_and_used_beside_the_others() {
    let stub = Stub::build(&["DEVICES=2"]);
    let driver = Driver::load(&stub.path()).unwrap();
    let found = driver.gpus().unwrap();
    let told = |found: &Found| (found.uuid.clone(), found.name.clone(), found.vram_mib);
    assert_eq!(told(&found[0]), (FIRST.into(), "NVIDIA Stub 0".into(), 1_024));
    assert_eq!((told(&found[1]), found.len()), ((SECOND.into(), "NVIDIA Stub 1".into(), 1_024), 2));
    // The stand-in lets no GPU touch another one's memory.
    let first = Prover::work(driver.open(FIRST).unwrap(), &challenge(FIRST, 4)).unwrap();
    let mut second = Prover::work(driver.open(SECOND).unwrap(), &challenge(SECOND, 4)).unwrap();
    drop(first);
    assert!(second.open(&[3]).is_ok());
    refused(driver.open("GPU-00").err().unwrap(), "cuda-gpu-unknown");
}

#[test]
fn a_second_challenge_takes_the_memory_of_the_first() {
    let stub = Stub::build(&["MEMORY=2000000"]);
    let driver = Driver::load(&stub.path()).unwrap();
    let mut gpu = driver.open(FIRST).unwrap();
    let key = millrace_challenge::stream::Key::from_bytes([1; 32]);
    for _ in 0..3 {
        gpu.fill(&key, Tiles::nearest(16)).unwrap();
    }
    refused(gpu.fill(&key, Tiles::nearest(32)).unwrap_err(), "cuda-out-of-memory");
    gpu.fill(&key, Tiles::nearest(16)).unwrap();
    drop(gpu);
    assert_eq!(stub.held(), 0);
}

#[test]
fn a_machine_without_the_driver_says_so() {
    let missing = Driver::load(Path::new("/nowhere/libcuda.so.1")).err().unwrap();
    assert!(missing.to_string().contains("/nowhere/libcuda.so.1"));
    refused(missing, "cuda-driver-missing");
    // This machine's own, where it has one, is a driver or an error of ours.
    if let Err(error) = Driver::load(Path::new(LIBRARY)) {
        assert!(["cuda-driver-missing", "cuda-no-gpu", "cuda-call-failed"].contains(&error.code()), "{error}");
    }
}

#[test]
fn each_way_a_driver_fails_has_its_error() {
    refused(Driver::load(&Stub::build(&["NO_UUID"]).path()).err().unwrap(), "cuda-driver-old");
    refused(Driver::load(&Stub::build(&["DEVICES=0"]).path()).err().unwrap(), "cuda-no-gpu");

    let refusing = Stub::build(&["REFUSE_PTX"]);
    let driver = Driver::load(&refusing.path()).unwrap();
    refused(driver.open(FIRST).err().unwrap(), "cuda-kernels-refused");
    assert_eq!(refusing.held(), 0, "the context was given back");

    let failing = Stub::build(&["FAIL_LAUNCH"]);
    let driver = Driver::load(&failing.path()).unwrap();
    let error = Prover::work(driver.open(FIRST).unwrap(), &challenge(FIRST, 4)).err().unwrap();
    assert_eq!(error.to_string(), "cuCtxSynchronize failed with status 719");
    refused(error, "cuda-call-failed");
    assert_eq!(failing.held(), 0);
}
