//! Every example, run against a local network: as a function, and as the program it is part of.

#[path = "../../../crates/client/tests/chain/market.rs"]
#[allow(dead_code)]
mod market;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use market::{Market, PURSE};
use millrace_client::instructions;
use millrace_client::keys::{self, address_of};
use millrace_examples::{cancel_job, open_job, read_statement, watch_job};
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Address, JobState, MicroUsdc};
use millrace_spec::{JobFile, JobSpec};

/// A job file of the other examples, at the price that the local network's rig asks for.
fn job_file() -> String {
    include_str!("../../counter/job.toml").replace("maximum_price = \"1.00\"", "maximum_price = \"3.60\"")
}

fn spec() -> JobSpec {
    JobFile::parse(&job_file()).unwrap().resolve(&BTreeMap::new()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_opened_watched_paid_and_accounted_for() {
    let market = Market::found().await;
    let spec = spec();
    let job = open_job::open_job(&market.client, market.buyer.clone(), 7, &spec).await.unwrap();
    assert_eq!(open_job::open_job(&market.client, market.buyer.clone(), 7, &spec).await.unwrap(), job);
    let deposit = spec.terms.deposit;
    assert_eq!(market.buyers_money().await, MicroUsdc(PURSE.0 - deposit.0), "once");

    let (client, states) = (market.client.clone(), Arc::new(Mutex::new(Vec::new())));
    let seen = states.clone();
    let watching = tokio::spawn(async move {
        watch_job::watch_job(&client, job, |job| seen.lock().unwrap().push(job.job.state)).await
    });
    // What the network does meanwhile: a rig takes the job, works 60 s and is paid.
    until(&states, JobState::Open).await;
    let lease = market.open_lease(job).await;
    until(&states, JobState::Active).await;
    market.pass(61).await;
    market.settle(&lease, &market.voucher(&lease, 1, 60, Some(ExitClass::Completed))).await.unwrap();
    let done = tokio::time::timeout(Duration::from_secs(20), watching).await.unwrap().unwrap().unwrap();
    assert_eq!((done.job.state, done.job.paid.0 + done.job.fees.0), (JobState::Done, 60 * 1_000));

    market.close_job(job).await;
    let statement = read_statement::read_statement(&market.client, job).await.unwrap().unwrap();
    assert!(statement.balanced());
    assert_eq!(statement.refund.unwrap().amount, MicroUsdc(deposit.0 - 60_000));
    assert!(watch_job::watch_job(&market.client, job, |_| ()).await.is_none());
    assert_eq!(read_statement::read_statement(&market.client, Address([3; 32])).await.unwrap(), None);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_cancelled_and_its_deposit_comes_back() {
    let market = Market::found().await;
    let job = open_job::open_job(&market.client, market.buyer.clone(), 1, &spec()).await.unwrap();
    for _ in 0..2 {
        let cancelled = cancel_job::cancel_job(&market.client, market.buyer.clone(), job).await.unwrap();
        assert_eq!(cancelled.job.state, JobState::Done);
    }
    let foreign = cancel_job::cancel_job(&market.client, market.owner.clone(), Address([4; 32])).await;
    assert!(foreign.is_err());
    market.close_job(job).await;
    assert_eq!(market.buyers_money().await, PURSE);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_runs_each_task() {
    let market = Market::found().await;
    let folder = tempfile::tempdir().unwrap();
    let (key, file) = (folder.path().join("id.json"), folder.path().join("job.toml"));
    keys::save(&key, &market.buyer).unwrap();
    std::fs::write(&file, job_file()).unwrap();
    let (rpc, ws) = (market.localnet.rpc_url(), market.localnet.ws_url());
    let run = |task: Vec<String>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millrace-examples"));
        command.args(["--rpc-url", &rpc, "--ws-url", &ws, "--keypair"]).arg(&key).args(task);
        async move {
            let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
            let text = [output.stdout, output.stderr].concat();
            (output.status.success(), String::from_utf8(text).unwrap())
        }
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let job = millrace_client::address::job(address_of(&market.buyer), 5);
    let name = job.to_string();
    for (task, expected) in [
        (words(&["open", file.to_str().unwrap(), "5"]), name.as_str()),
        (words(&["open", file.to_str().unwrap(), "5"]), "open already"),
        (words(&["cancel", &name]), "Done"),
        (words(&["watch", &name]), "Done, 0 leases"),
    ] {
        let (is_done, text) = run(task).await;
        assert!(is_done && text.contains(expected), "{text}");
    }
    let closed = market.client.fetch(job).await.unwrap();
    let close = instructions::close_job(address_of(&market.buyer), &closed);
    market.sender(&market.buyer).send(&close, &[]).await.unwrap();
    let (is_done, text) = run(words(&["statement", &name])).await;
    assert!(is_done && text.contains("back to the funder"), "{text}");
    let (is_done, text) = run(words(&["cancel", &name])).await;
    assert!(!is_done && text.contains("account-missing: "), "{text}");
    market.localnet.shutdown().await.unwrap();
}

async fn until(states: &Mutex<Vec<JobState>>, wanted: JobState) {
    let seen = async {
        while !states.lock().unwrap().contains(&wanted) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap();
}
