//! Prints what a worker costs beside the work it does, as a section of `docs/benchmarks.md`:
//! `cargo bench --package millrace-worker --bench overhead`, for one part of it with `-- start`, `idle`, `logs` or
//! `outputs` behind it. Needs Docker and the probe image.

mod disk;
mod endpoint;
mod idle;
mod logs;
mod outputs;
mod start;
mod support;

use std::sync::Arc;
use std::time::Duration;

use millrace_worker::PullPolicy;
use millrace_worker::container::Engine;
use millrace_worker::container::docker::Docker;

const IMAGE: &str = "millrace/probe:1";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let [idle::WORKER, setup @ ..] = arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        runtime.block_on(idle::work(setup));
        return;
    }
    let wanted = |part: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == part);
    runtime.block_on(async {
        println!("## What a worker costs\n");
        println!(
            "Optimised build (profile `bench`). The orchestrator is the tests' own, in the same process where not said \
             otherwise, and answers at once.\n"
        );
        if wanted("start") {
            start::section().await;
        }
        if wanted("idle") {
            idle::section().await;
        }
        if wanted("logs") {
            logs::section().await;
        }
        if wanted("outputs") {
            outputs::section().await;
        }
    });
}

async fn engine() -> Arc<dyn Engine> {
    let docker = Docker::connect(None, PullPolicy::Never).await.expect("Docker answers");
    let found = docker.local_image(IMAGE).await.expect("Docker answers");
    assert!(found.is_some(), "{IMAGE} is missing: build it with tools/images/build probe");
    Arc::new(docker)
}

/// The nearest rank.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    percentile(&all, 50)
}

/// Megabytes a second.
fn rate(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / 1e6 / time.as_secs_f64()
}
