//! A schedule on a chain and an orchestrator of its own. No rig is there: each job expires and costs nothing, which
//! is all that a schedule needs to see of it.

use std::path::Path;
use std::time::Duration;

use millrace_cli::market::Market;
use millrace_cli::stage::{Options, Stage};
use millrace_client::accounts::JobAccount;
use millrace_client::address as addresses;
use millrace_client::keys::address_of;
use millrace_localnet::SlotMode;
use millrace_protocol::{Address, MicroUsdc, Parameters, UnixSeconds};
use serde_json::{Value, json};

use crate::run::millrace;

const BUDGET: MicroUsdc = MicroUsdc(10_000_000);

const FILE: &str = r#"
name = "nightly"
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
start_window = "5s"
"#;

async fn stage(dir: &Path) -> Stage {
    let options = Options {
        dir: dir.to_owned(),
        binary: env!("CARGO_BIN_EXE_millrace").into(),
        parameters: Parameters::default(),
        heartbeat: Duration::from_secs(1),
        slot: SlotMode::Clock(Duration::from_millis(100)),
        budget: BUDGET,
    };
    let mut stage = Stage::raise(options).await.unwrap();
    stage.start_orchestrator().await.unwrap();
    stage
}

/// Runs the schedule to its end and returns what it said.
async fn schedule(stage: &Stage, budget: &str) -> String {
    let dir = stage.options.dir.clone();
    let (rpc, ws) = (stage.localnet.rpc_url(), stage.localnet.ws_url());
    let market = stage.market().base().to_owned();
    let budget = budget.to_owned();
    let arguments = move || {
        let keypair = dir.join("keys/buyer.json").display().to_string();
        let words = ["--rpc-url", &rpc, "--ws-url", &ws, "--orchestrator-url", &market, "--keypair", &keypair];
        // Long past, so that it is time at once, and not again for most of a year.
        let schedule = ["job", "schedule", "job.toml", "--cron", "0 0 1 1 *", "--runs", "1", "--budget", &budget];
        millrace(&dir, &[words.as_slice(), schedule.as_slice()].concat())
    };
    tokio::task::spawn_blocking(arguments).await.unwrap()
}

fn journal(stage: &Stage) -> Value {
    serde_json::from_slice(&std::fs::read(stage.options.dir.join("job.schedule.json")).unwrap()).unwrap()
}

fn keep(stage: &Stage, journal: &Value) {
    std::fs::write(stage.options.dir.join("job.schedule.json"), journal.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_is_one_job_and_a_run_that_was_cut_off_opens_the_same_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("job.toml"), FILE).unwrap();
    let stage = stage(folder.path()).await;

    keep(&stage, &json!({ "decided": 1, "begun": 0, "spent": 0, "under_way": [] }));
    let poor = schedule(&stage, "0.01").await;
    assert!(poor.starts_with("status 0") && poor.contains("the budget is used up: 0 run(s) begun"), "{poor}");

    let said = schedule(&stage, "1").await;
    assert!(said.starts_with("status 0") && said.contains("all runs are done: 1 run(s) begun"), "{said}");
    let after = journal(&stage);
    assert_eq!((&after["begun"], &after["spent"], &after["under_way"]), (&json!(1), &json!(0), &json!([])));
    let decided: UnixSeconds = serde_json::from_value(after["decided"].clone()).unwrap();
    assert!(decided.0.is_multiple_of(86_400) && decided.0 > 1_700_000_000, "the last New Year: {decided:?}");

    // Cut off between its journal and the chain: the job that was meant is opened, and no other.
    let (buyer, id) = (address_of(&stage.buyer), 77);
    let job = addresses::job(buyer, id);
    let run = json!({ "at": decided, "id": id, "job": job, "deposit": 16_666, "opened": false, "over": false });
    keep(&stage, &json!({ "decided": decided, "begun": 1, "spent": 0, "under_way": [run] }));
    let said = schedule(&stage, "1").await;
    assert!(said.contains(&format!("{job} is open, 0.016666 USDC in escrow")), "{said}");
    let market: Market = stage.market();
    let known: Vec<Address> = market.jobs(buyer).await.unwrap().iter().map(|job| job.address).collect();
    assert!(known.len() == 2 && known.contains(&job), "{known:?}");
    assert!(stage.client.find::<JobAccount>(job).await.unwrap().is_none(), "it is closed, and all of it came back");
    assert_eq!(stage.client.usdc_balance(buyer, stage.localnet.usdc_mint()).await.unwrap(), BUDGET);
}
