use std::process::Command;
use std::time::Duration;

use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;
use crate::{IMAGE, engine, percentile};

const ROUNDS: u32 = 40;

/// From the word to start to the first instruction in the container, both ways by turns.
pub async fn section() {
    let mut spec = offer::spec("cat /proc/uptime > /outputs/uptime");
    spec.tasks = ROUNDS + 1;
    let mut rig = Rig::start(engine().await, Objects::default(), spec).await;
    rig.leased().await;
    // The first of both warms up.
    task(&mut rig, ROUNDS).await;
    container();
    let (mut worker, mut docker) = (vec![], vec![]);
    for round in 0..ROUNDS {
        worker.push(task(&mut rig, round).await);
        docker.push(container());
    }
    rig.end_lease();
    rig.lease_report().await;
    rig.stop().await;

    println!("### Container start\n");
    println!(
        "{ROUNDS} tasks one after the other, from the orchestrator's word to the first instruction in the container: \
         message, journal, folders, image looked up, container created and started with every limit. The baseline, by \
         turns with it, is `docker run --rm --network none` of the same image with the same memory and processor, \
         from the call to the first instruction. Times are the kernel's uptime, in hundredths of a second.\n"
    );
    println!("| | p50 | p95 |\n|---|--:|--:|");
    worker.sort_unstable();
    docker.sort_unstable();
    row("through the worker", &worker);
    row("`docker run` (baseline)", &docker);
    let ratio = |percent| percentile(&worker, percent).as_secs_f64() / percentile(&docker, percent).as_secs_f64();
    println!("| ratio (target: p50 under 1.15) | {:.2} | {:.2} |\n", ratio(50), ratio(95));
}

fn row(name: &str, sorted: &[Duration]) {
    println!("| {name} | {} ms | {} ms |", percentile(sorted, 50).as_millis(), percentile(sorted, 95).as_millis());
}

async fn task(rig: &mut Rig, index: u32) -> Duration {
    let from = uptime(&std::fs::read_to_string("/proc/uptime").expect("an uptime"));
    rig.assign(index);
    let done = rig.orchestrator.end().await;
    let output = done.outputs.first().unwrap_or_else(|| panic!("no output: {:?}", done.failure));
    let text = rig.objects.get(&output.sha256).expect("the output");
    rig.acknowledge(index);
    uptime(std::str::from_utf8(&text).expect("text")) - from
}

fn container() -> Duration {
    let from = uptime(&std::fs::read_to_string("/proc/uptime").expect("an uptime"));
    let output = Command::new("docker")
        .args(["run", "--rm", "--network", "none", "--memory", "64m", "--cpus", "1", IMAGE, "cat", "/proc/uptime"])
        .output()
        .expect("docker runs");
    uptime(&String::from_utf8_lossy(&output.stdout)) - from
}

/// The first number of `/proc/uptime`.
fn uptime(text: &str) -> Duration {
    let first = text.split_whitespace().next().expect("a number");
    Duration::from_secs_f64(first.parse().expect("a number"))
}
