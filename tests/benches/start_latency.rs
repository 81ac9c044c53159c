//! How long a job waits for its container: from `open_job` to the container's first instruction, on
//! a local network with 400 ms slots, beside plain `docker run` of the same image in the same run.
//! Prints a Markdown section.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use millrace_cli::stage::rig::Rig;
use millrace_cli::stage::{Options, Stage};
use millrace_cli::submission;
use millrace_client::accounts::JobAccount;
use millrace_link::objects::ObjectClient;
use millrace_link::rest::{Output, TaskState};
use millrace_localnet::SlotMode;
use millrace_protocol::{Address, MicroUsdc, Parameters, PricePerGpuHour};

const JOBS: usize = 50;
const IMAGE: &str = "millrace/probe:1";
const JOB: &str = r#"
name = "start-latency"
image = "millrace/probe:1"
# The machine's uptime at the container's first instruction: the same clock inside and outside.
command = ["cp", "/proc/uptime", "/outputs/started"]

[tasks]
count = 1
time_limit = "1m"

[resources]
cpus = "0.5"
memory = "32MiB"
disk = "16MiB"
accept_simulated_gpus = true

[budget]
maximum_price = "1.00"
lease = "1m"
"#;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let job = folder.path().join("job.toml");
    std::fs::write(&job, JOB).expect("a job file");
    let stage = raise(folder.path()).await;
    let mut jobs = Vec::new();
    let mut plain = Vec::new();
    // Alternating, so that whatever else the machine does meets both.
    for _ in 0..JOBS {
        jobs.push(one_job(&stage, &job).await);
        plain.push(one_container());
    }
    stage.strike().await.expect("everything ends");
    println!("## Submit to container start\n");
    println!("{JOBS} jobs one after the other on a local network (one rig, image present), from the moment before");
    println!(
        "inputs and spec are sent to the container's first instruction: upload, `open_job`, `open_lease` signed by"
    );
    println!("both sides, task, container. A local network executes a transaction as it arrives; on a cluster each of");
    println!("the two waits for its block on top. The baseline is plain `docker run` of the same image, alternating");
    println!("with the jobs.\n");
    println!("| | p50 | p95 |\n|---|---:|---:|");
    row("submit → container start", jobs);
    row("`docker run` (baseline)", plain);
}

async fn raise(folder: &Path) -> Stage {
    let binary =
        std::env::var_os("MILLRACE_BIN").map(PathBuf::from).expect("MILLRACE_BIN names the binary: run `./dev bench`");
    let options = Options {
        dir: folder.join("network"),
        binary,
        parameters: Parameters::default(),
        heartbeat: Duration::from_secs(1),
        slot: SlotMode::Clock(SlotMode::CLUSTER),
        budget: MicroUsdc(100_000_000),
    };
    let mut stage = Stage::raise(options).await.expect("a network");
    let rig = Rig {
        provider_name: "bench",
        gpu: "rtx-4090",
        vram_mib: 24_576,
        price: PricePerGpuHour(400_000),
        region: "europe-central",
        country: *b"DE",
        stake: MicroUsdc(100_000_000),
    };
    stage.add_rig(rig).await.expect("a rig");
    stage.start_orchestrator().await.expect("an orchestrator");
    stage.start_worker(0).await.expect("a worker");
    stage.connected(1).await.expect("a connection");
    stage
}

/// Hundredths of a second.
async fn one_job(stage: &Stage, file: &Path) -> u64 {
    let market = stage.market();
    let prepared = submission::prepare(file, || Ok(stage.buyer.clone())).await.expect("a job file");
    let network = stage.client.config().await.expect("a network");
    let from = uptime(&std::fs::read_to_string("/proc/uptime").expect("an uptime"));
    let job = prepared
        .open(&stage.client, &network, &market, &stage.buyer, submission::fresh_id())
        .await
        .expect("an open job")
        .job;
    let output = loop {
        let status = market.job(job).await;
        if let Ok(status) = status
            && let Some(task) = status.tasks.first().filter(|task| task.state == TaskState::Done)
        {
            break task.outputs.first().expect("one output").clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let started = uptime(&fetch(stage, &output).await);
    // The next job starts on an idle rig.
    wait_until_closed(stage, job).await;
    started - from
}

async fn wait_until_closed(stage: &Stage, job: Address) {
    while stage.client.find::<JobAccount>(job).await.expect("the chain answers").is_some() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn fetch(stage: &Stage, output: &Output) -> String {
    let market = stage.market();
    let key = std::sync::Arc::new(millrace_cli::context::signing_key(&stage.buyer));
    let objects = ObjectClient::new(market.base(), key);
    let hash = output.sha256.parse().expect("a hash");
    let bytes = objects.get_bytes(hash, 1_000).await.expect("the output");
    String::from_utf8(bytes).expect("text")
}

/// Hundredths of a second.
fn one_container() -> u64 {
    let from = uptime(&std::fs::read_to_string("/proc/uptime").expect("an uptime"));
    let output = Command::new("docker")
        .args(["run", "--rm", "--network", "none", "--memory", "32m", "--cpus", "0.5", IMAGE, "cat", "/proc/uptime"])
        .output()
        .expect("docker runs");
    uptime(&String::from_utf8_lossy(&output.stdout)) - from
}

/// The first number of `/proc/uptime`, in hundredths of a second.
fn uptime(text: &str) -> u64 {
    let first = text.split_whitespace().next().expect("a number");
    first.replace('.', "").parse().expect("a number with two decimals")
}

fn row(name: &str, mut hundredths: Vec<u64>) {
    hundredths.sort_unstable();
    // Nearest rank.
    let at = |percent: usize| hundredths[(hundredths.len() * percent).div_ceil(100) - 1];
    let seconds = |value: u64| format!("{}.{:02} s", value / 100, value % 100);
    println!("| {name} | {} | {} |", seconds(at(50)), seconds(at(95)));
}
