//! A schedule on a chain and an orchestrator of its own. No rig is there: each job expires and costs nothing, which
//! is all that a schedule needs to see of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use millrace_cli::market::Market;
use millrace_cli::stage::Stage;
use millrace_cli::submission;
use millrace_client::accounts::JobAccount;
use millrace_client::address as addresses;
use millrace_client::keys::address_of;
use millrace_protocol::{Address, UnixSeconds};
use serde_json::{Value, json};

use crate::network::{WALLET, raise, write_job};
use crate::proxy::{Answer, Fate, Request, proxy};
use crate::run::millrace;

/// Runs the schedule to its end and returns what it said.
async fn schedule(stage: &Stage, budget: &str) -> String {
    schedule_over(stage, budget, stage.localnet.rpc_url(), stage.http_url()).await
}

/// The same over these endpoints.
async fn schedule_over(stage: &Stage, budget: &str, rpc: String, market: String) -> String {
    let (dir, ws) = (stage.options.dir.clone(), stage.localnet.ws_url());
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
    let stage = raise(folder.path(), "5s").await;

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
    assert_eq!(stage.client.usdc_balance(buyer, stage.localnet.usdc_mint()).await.unwrap(), WALLET);
}

/// Whether the request asks the orchestrator what a job is at.
fn asks_for(request: &Request, job: Address) -> bool {
    request.path == format!("/v1/jobs/{job}")
}

/// The fate of the first so many requests that `is_meant` says, and [`Fate::Pass`] for all else.
fn first(
    n: usize,
    is_meant: impl Fn(&Request) -> bool + Send + Sync,
    fate: fn() -> Fate,
) -> impl Fn(&Request) -> Fate + Send + Sync {
    let seen = AtomicUsize::new(0);
    move |request| {
        if is_meant(request) && seen.fetch_add(1, Ordering::SeqCst) < n { fate() } else { Fate::Pass }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_forgotten_opened_twice_or_booked_at_more_than_it_cost_because_somebody_is_away_for_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    let stage = raise(folder.path(), "5s").await;
    let (rpc, buyer) = (stage.localnet.rpc_url(), address_of(&stage.buyer));
    let known = async || stage.market().jobs(buyer).await.unwrap().len();
    let cut_off = |id: u64, opened: bool| {
        let job = addresses::job(buyer, id);
        keep(&stage, &under_way(&[(id, job, opened)]));
        job
    };

    // The store is full for longer than an upload waits: the run is opened a little later.
    cut_off(1, false);
    let full = || Fate::Answer(Answer::refusal(507, "disk-full"));
    let market = proxy(&stage.http_url(), first(6, |request| request.method == "PUT", full)).await;
    let said = schedule_over(&stage, "1", rpc.clone(), market).await;
    let job = addresses::job(buyer, 1);
    assert!(said.contains("it is tried again") && said.contains(&format!("{job} is open")), "{said}");
    assert!(said.contains("all runs are done: 1 run(s) begun, 0.000000 USDC spent"), "{said}");
    assert!(stage.client.find::<JobAccount>(job).await.unwrap().is_none());

    // Closed meanwhile, and the orchestrator is stopping when it is asked: nothing is booked before it tells.
    cut_off(1, true);
    let stopping = || Fate::Answer(Answer::refusal(503, "orchestrator-stopping"));
    let market = proxy(&stage.http_url(), first(1, move |request| asks_for(request, job), stopping)).await;
    let said = schedule_over(&stage, "1", rpc.clone(), market).await;
    assert!(said.contains("is closed and cost 0.000000 USDC"), "{said}");

    // Opened by a try that nobody noted, closed, and forgotten by the orchestrator: the chain's history tells.
    cut_off(1, false);
    let unknown = || Fate::Answer(Answer::refusal(404, "job-unknown"));
    let market = proxy(&stage.http_url(), first(usize::MAX, move |request| asks_for(request, job), unknown)).await;
    let said = schedule_over(&stage, "1", rpc.clone(), market).await;
    assert!(said.contains("is closed and cost 0.000000 USDC") && !said.contains("is open"), "{said}");
    assert_eq!(known().await, 1);

    // Open by such a try, and an endpoint that is behind does not show it: it is met, and not given up.
    write_job(folder.path(), "10s");
    let job = cut_off(2, false);
    let prepared = submission::prepare(&folder.path().join("job.toml"), || unreachable!()).await.unwrap();
    let network = stage.client.config().await.unwrap();
    let opened = prepared.open(&stage.client, &network, &stage.market(), &stage.buyer, 2).await.unwrap();
    assert_eq!(opened.job, job);
    let market = proxy(&stage.http_url(), first(1, move |request| asks_for(request, job), unknown)).await;
    let said = schedule_over(&stage, "1", behind(&rpc, job).await, market).await;
    assert!(said.contains(&format!("{job} is open")) && !said.contains("not opened"), "{said}");
    assert!(said.contains("all runs are done: 1 run(s) begun"), "{said}");
    assert_eq!(known().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_paid_for_as_the_endpoint_went_silent_is_told_by_its_address_once_somebody_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let stage = raise(folder.path(), "20s").await;
    let job = addresses::job(address_of(&stage.buyer), 1);
    keep(&stage, &under_way(&[(1, job, false)]));
    let sent = AtomicBool::new(false);
    let decide = move |request: &Request| {
        if request.body.contains("sendTransaction") {
            sent.store(true, Ordering::SeqCst);
            let refused = json!({ "jsonrpc": "2.0", "id": 0, "error": { "code": -32_602, "message": "no" } });
            let lie = move |answer: &mut Answer| *answer = Answer::new(200, refused.to_string());
            return Fate::Change(Box::new(lie));
        }
        if sent.load(Ordering::SeqCst) { Fate::Answer(Answer::new(503, "")) } else { Fate::Pass }
    };
    let rpc = proxy(&stage.localnet.rpc_url(), decide).await;
    let said = schedule_over(&stage, "1", rpc, stage.http_url()).await;
    assert_eq!(said.matches(&format!("{job} is open, 0.016666 USDC in escrow")).count(), 1, "{said}");
    assert!(said.contains(&format!("{job} is closed and cost 0.000000 USDC")), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_way_of_one_run_is_said_once_however_well_another_goes() {
    let folder = tempfile::tempdir().unwrap();
    let stage = raise(folder.path(), "15s").await;
    let (buyer, file) = (address_of(&stage.buyer), folder.path().join("job.toml"));
    let prepared = submission::prepare(&file, || unreachable!()).await.unwrap();
    let network = stage.client.config().await.unwrap();
    let well = prepared.open(&stage.client, &network, &stage.market(), &stage.buyer, 1).await.unwrap().job;
    write_job(folder.path(), "5s");
    let late = addresses::job(buyer, 2);
    keep(&stage, &under_way(&[(1, well, true), (2, late, false)]));
    // Two uploads give up, five seconds apart.
    let full = || Fate::Answer(Answer::refusal(507, "disk-full"));
    let market = proxy(&stage.http_url(), first(12, |request| request.method == "PUT", full)).await;
    let said = schedule_over(&stage, "1", stage.localnet.rpc_url(), market).await;
    assert_eq!(said.matches("it is tried again").count(), 1, "{said}");
    assert!(said.contains(&format!("{late} is open")) && said.contains("all runs are done: 2 run(s) begun"), "{said}");
}

/// The journal of a schedule whose runs have all begun, each with its number and whether its job is known to be open.
fn under_way(runs: &[(u64, Address, bool)]) -> Value {
    let runs = runs.iter().map(|(id, job, opened)| {
        json!({ "at": 86_400, "id": id, "job": job, "deposit": 16_666, "opened": opened, "over": false })
    });
    let runs: Vec<Value> = runs.collect();
    json!({ "decided": 86_400_000_000_u64, "begun": runs.len(), "spent": 0, "under_way": runs })
}

/// An RPC endpoint that does not show the job the first time it is asked for it, nor its history.
async fn behind(rpc: &str, job: Address) -> String {
    let (accounts, histories) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let decide = move |request: &Request| {
        let is_first = |method: &str, seen: &AtomicUsize| {
            let is_meant = request.body.contains(method) && request.body.contains(&job.to_string());
            is_meant && seen.fetch_add(1, Ordering::SeqCst) == 0
        };
        let hide = |pointer: &'static str, nothing: Value| {
            Fate::Change(Box::new(move |answer: &mut Answer| {
                let mut told: Value = serde_json::from_slice(&answer.body).unwrap();
                *told.pointer_mut(pointer).unwrap() = nothing;
                answer.body = told.to_string().into_bytes();
            }))
        };
        if is_first("getMultipleAccounts", &accounts) {
            return hide("/result/value", json!([null]));
        }
        if is_first("getSignaturesForAddress", &histories) { hide("/result", json!([])) } else { Fate::Pass }
    };
    proxy(rpc, decide).await
}
