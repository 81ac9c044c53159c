//! Prints what a worker costs beside the work it does, as a section of `docs/benchmarks.md`:
//! `cargo bench --package millrace-worker --bench overhead`. Needs Docker and the probe image.

mod disk;
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
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if arguments.next().as_deref() == Some(idle::WORKER) {
        runtime.block_on(idle::work(arguments.collect()));
        return;
    }
    runtime.block_on(async {
        println!("## What a worker costs\n");
        println!(
            "Optimised build (profile `bench`). The orchestrator is the tests' own, in the same process where not said \
             otherwise, and answers at once.\n"
        );
        start::section().await;
        idle::section().await;
        logs::section().await;
        outputs::section().await;
    });
}

async fn engine() -> Arc<dyn Engine> {
    let docker = Docker::connect(None, PullPolicy::Never).await.expect("Docker answers");
    let found = docker.find_image(IMAGE).await.expect("Docker answers");
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
