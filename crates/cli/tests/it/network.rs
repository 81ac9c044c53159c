//! A chain and an orchestrator of a test's own, with no rig: what becomes of a job there costs nothing.

use std::path::Path;
use std::time::Duration;

use millrace_cli::stage::{Options, Stage};
use millrace_localnet::SlotMode;
use millrace_protocol::{MicroUsdc, Parameters};
use serde_json::Value;

use crate::run::millrace;

/// What the buyer's wallet holds at first.
pub const WALLET: MicroUsdc = MicroUsdc(10_000_000);

/// Raises the network in `dir`, with a `job.toml` whose job waits this long for a rig.
pub async fn raise(dir: &Path, start_window: &str) -> Stage {
    write_job(dir, start_window);
    let options = Options {
        dir: dir.to_owned(),
        binary: env!("CARGO_BIN_EXE_millrace").into(),
        parameters: Parameters::default(),
        heartbeat: Duration::from_secs(1),
        slot: SlotMode::Clock(Duration::from_millis(100)),
        budget: WALLET,
    };
    let mut stage = Stage::raise(options).await.unwrap();
    stage.start_orchestrator().await.unwrap();
    stage
}

/// Runs the command over these endpoints as whoever holds the key, and returns everything it said.
pub async fn command(stage: &Stage, key: &Path, rpc: &str, market: &str, words: &[&str]) -> String {
    let (dir, ws) = (stage.options.dir.clone(), stage.localnet.ws_url());
    let key = key.display().to_string();
    let own = ["--json", "--rpc-url", rpc, "--ws-url", &ws, "--orchestrator-url", market, "--keypair", &key];
    let words: Vec<String> = own.iter().chain(words).map(|word| (*word).to_owned()).collect();
    let run = move || millrace(&dir, &words.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// What a command said on one of its streams.
pub fn told(said: &str, stream: &str) -> Value {
    let text = said.split(&format!("--- {stream}\n")).nth(1).unwrap().split("\n--- ").next().unwrap();
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{said}"))
}

/// Writes `job.toml`: one task on a processor.
pub fn write_job(dir: &Path, start_window: &str) {
    let file = format!(
        r#"
        name = "render"
        image = "millrace/povray:1"
        command = ["true"]
        [tasks]
        count = 1
        time_limit = "1m"
        [resources]
        cpus = "1"
        memory = "64MiB"
        disk = "64MiB"
        [budget]
        maximum_price = "1.00"
        lease = "1m"
        start_window = "{start_window}"
        "#
    );
    std::fs::write(dir.join("job.toml"), file).unwrap();
}
