//! What a GPU challenge costs: to answer, and to verify, beside verifying by answering again; on one core
//! of this machine's processor, and on its GPUs where it has any. Prints a Markdown section.

use std::path::Path;
use std::time::{Duration, Instant};

use millrace_challenge::{Challenge, Cpu, Device, Issued, Millis, Prover, SAMPLES, Tiles, Within};
use millrace_cuda::{Driver, LIBRARY};
use millrace_protocol::Address;

/// Of the processor's answers: the work grows with the memory, the verifier's does not.
const CPU_MIB: [u32; 3] = [4, 16, 64];
const ROUNDS: u8 = 5;

/// Of one answer.
struct Times {
    answer: Duration,
    open: Duration,
    verify: Duration,
}

fn main() {
    println!("## GPU challenge\n");
    println!(
        "Answered and verified, {SAMPLES} tiles of 64 KiB opened; median of {ROUNDS} rounds. Baseline: a verifier"
    );
    println!(
        "without Freivalds' check, who answers the challenge again on the same one core that verifies. The code of"
    );
    println!("the challenge is built with optimisation. `docs/gpu-challenge.md` says what is computed.\n");
    println!("| device | memory filled | answer | opening | verification | answering again on one core (baseline) |");
    println!("|---|--:|--:|--:|--:|--:|");
    for mib in CPU_MIB {
        let tiles = Tiles::nearest(mib * 16);
        let times = measure(Cpu::default, "the processor", tiles);
        row("one core of the processor: no GPU", tiles, &times, Some(times.answer));
    }
    let unmeasured = gpus().err();
    if let Some(error) = unmeasured {
        println!("\nNo GPU was measured: {error}.");
    }
}

/// A row for each GPU, with nine tenths of its memory filled.
fn gpus() -> Result<(), millrace_cuda::Error> {
    let driver = Driver::load(Path::new(LIBRARY))?;
    for found in driver.gpus()? {
        let tiles = Tiles::filling(found.vram_mib);
        let times = measure(|| driver.open(&found.uuid).expect("a GPU that can be used"), &found.uuid, tiles);
        row(&found.name, tiles, &times, None);
    }
    Ok(())
}

fn measure<D: Device<Error: std::fmt::Debug>>(device: impl Fn() -> D, gpu: &str, tiles: Tiles) -> Times {
    let rounds: Vec<Times> = (0..ROUNDS).map(|round| one(device(), gpu, tiles, round)).collect();
    let median = |pick: fn(&Times) -> Duration| {
        let mut all: Vec<Duration> = rounds.iter().map(pick).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    Times {
        answer: median(|times| times.answer),
        open: median(|times| times.open),
        verify: median(|times| times.verify),
    }
}

fn one<D: Device<Error: std::fmt::Debug>>(device: D, gpu: &str, tiles: Tiles, round: u8) -> Times {
    let ever = Millis(u64::MAX);
    let challenge = Challenge {
        nonce: [round; 32],
        node: Address([1; 32]),
        gpu: gpu.to_owned(),
        tiles,
        samples: SAMPLES,
        within: Within { commit: ever, open: ever },
        accept_simulated: true,
    };
    let begun = Instant::now();
    let mut prover = Prover::work(device, &challenge).expect("an answer");
    let answer = begun.elapsed();
    let issued = Issued::new(challenge, Millis(0));
    let committed = issued.commit(prover.commitment(), Millis(0), [round + 1; 32]).expect("a good commitment");
    let begun = Instant::now();
    let opening = prover.open(committed.request()).expect("an opening");
    let open = begun.elapsed();
    let begun = Instant::now();
    committed.verify(&opening, Millis(0), [round + 2; 32]).expect("an honest answer");
    Times { answer, open, verify: begun.elapsed() }
}

fn row(device: &str, tiles: Tiles, times: &Times, again: Option<Duration>) {
    let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1_000.0);
    let again = again.map_or_else(
        || "not measured".to_owned(),
        |again| format!("{} (× {:.0})", millis(again), again.as_secs_f64() / times.verify.as_secs_f64()),
    );
    println!(
        "| {device} | {} MiB | {} | {} | {} | {again} |",
        tiles.bytes() / 1_048_576,
        millis(times.answer),
        millis(times.open),
        millis(times.verify),
    );
}
