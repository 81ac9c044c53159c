//! Every example, run against a local network: as a function, and as the program it is part of.

#[path = "../../../crates/client/tests/chain/market.rs"]
#[allow(dead_code)]
mod market;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use market::{Market, PURSE};
use millrace_client::accounts::{BuyerAccount, JobAccount, LeaseAccount};
use millrace_client::instructions::{self, AllowanceTerms};
use millrace_client::keys::{self, address_of};
use millrace_client::{Keypair, Prepared, address};
use millrace_examples::{
    accept_leases, allow_delegate, cancel_job, dispute_lease, extend_job, open_job, open_prepaid_job, prepay,
    read_statement, watch_job,
};
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Address, Error as Rule, JobState, MicroUsdc, Ruling, Seconds};
use millrace_spec::{JobFile, JobSpec, sha256};

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
async fn a_delegate_opens_a_job_from_the_balance_and_it_comes_back_there() {
    let market = Market::found().await;
    let (client, owner) = (&market.client, address_of(&market.buyer));
    let delegate = Arc::new(Keypair::new());
    market.localnet.faucet_sol(&address_of(&delegate), 1_000_000_000).await.unwrap();
    let spec = spec();
    let deposit = spec.terms.deposit;

    let prepaid = MicroUsdc(3 * deposit.0);
    let mut kept = None;
    let keep = |prepared: &Prepared| kept = Some(prepared.clone());
    assert_eq!(prepay::prepay(client, market.buyer.clone(), prepaid, keep).await.unwrap(), prepaid);
    // What was kept may be sent again: it is the same deposit.
    let Prepared { transaction, last_valid_block_height } = kept.unwrap();
    market.sender(&market.buyer).submit_signed(&transaction, last_valid_block_height).await.unwrap();
    let left = MicroUsdc(PURSE.0 - prepaid.0);
    assert_eq!(market.buyers_money().await, left, "once");
    let more = prepay::prepay(client, market.buyer.clone(), MicroUsdc(1), |_| ()).await.unwrap();
    assert_eq!(more, MicroUsdc(prepaid.0 + 1));

    let open = |id| open_prepaid_job::open_prepaid_job(client, delegate.clone(), owner, id, &spec);
    assert!(open(1).await.is_err(), "nothing is allowed yet");
    let expires_at = client.chain_clock().await.unwrap().after(Seconds(3_600)).unwrap();
    let terms = AllowanceTerms { per_job: deposit, total: deposit, expires_at };
    let allow = |terms| allow_delegate::allow_delegate(client, market.buyer.clone(), address_of(&delegate), terms);
    for _ in 0..2 {
        assert_eq!(allow(terms).await.unwrap().allowance.total, deposit);
    }
    let job = open(1).await.unwrap();
    assert_eq!(open(1).await.unwrap(), job, "a repeat opens nothing");
    let error = open(2).await.unwrap_err();
    assert_eq!(error.rule(), Some(Rule::AllowanceExceeded));
    // Other terms for the same key: what it spent stays spent.
    let raised = allow(AllowanceTerms { total: prepaid, ..terms }).await.unwrap().allowance;
    assert_eq!((raised.total, raised.spent), (prepaid, deposit));

    // More for the job, out of the balance too; a repeat adds nothing.
    let sum = MicroUsdc(deposit.0 + 500_000);
    for _ in 0..2 {
        let extended = extend_job::extend_job(client, market.buyer.clone(), job, sum).await.unwrap();
        assert_eq!(extended.job.terms.deposit, sum);
    }
    let balance = || async { client.fetch::<BuyerAccount>(address::buyer(owner)).await.unwrap().buyer.balance };
    assert_eq!(balance().await, MicroUsdc(prepaid.0 + 1 - sum.0));
    cancel_job::cancel_job(client, market.buyer.clone(), job).await.unwrap();
    market.close_job(job).await;
    assert_eq!(balance().await, MicroUsdc(prepaid.0 + 1));
    assert_eq!(market.buyers_money().await, MicroUsdc(left.0 - 1));
    market.localnet.shutdown().await.unwrap();
}

/// A job that is paid on result, with its one lease reported after a minute: 60 000 micro-USDC wait.
async fn reported(market: &Market) -> Address {
    let text = job_file() + "payment = \"on-result\"\ndispute_window = \"1h\"\n";
    let spec = JobFile::parse(&text).unwrap().resolve(&BTreeMap::new()).unwrap();
    let job = open_job::open_job(&market.client, market.buyer.clone(), 1, &spec).await.unwrap();
    let lease = market.open_lease(job).await;
    market.pass(61).await;
    market.settle(&lease, &market.voucher(&lease, 1, 60, Some(ExitClass::Completed))).await.unwrap();
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reported_lease_is_accepted_and_paid_at_once() {
    let market = Market::found().await;
    let job = reported(&market).await;
    let before: JobAccount = market.client.fetch(job).await.unwrap();
    assert_eq!((before.job.paid, before.job.reported_leases), (MicroUsdc::ZERO, 1));
    let accept = || accept_leases::accept_leases(&market.client, market.buyer.clone(), job);
    assert_eq!(accept().await.unwrap(), [0]);
    let after: JobAccount = market.client.fetch(job).await.unwrap();
    assert_eq!((after.job.state, after.job.paid.0 + after.job.fees.0), (JobState::Done, 60_000));
    assert_eq!(accept().await.unwrap(), Vec::<u32>::new(), "nothing is left to accept");
    market.close_job(job).await;
    assert_eq!(market.buyers_money().await, MicroUsdc(PURSE.0 - 60_000));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disputed_lease_is_not_paid_when_its_buyer_is_right() {
    let market = Market::found().await;
    let job = reported(&market).await;
    let before = market.buyers_money().await;
    let dispute =
        |evidence: &'static [u8]| dispute_lease::dispute_lease(&market.client, market.buyer.clone(), job, 0, evidence);
    let opened = dispute(b"frame 7 is black").await.unwrap();
    assert_eq!(opened.evidence_hash, sha256(b"frame 7 is black").0);
    assert_eq!(market.buyers_money().await, MicroUsdc(before.0 - opened.dispute.bond.0));
    assert_eq!(dispute(b"frame 7 is black").await.unwrap(), opened, "a repeat opens nothing and pays nothing");
    assert!(dispute(b"frame 8 is black").await.is_err(), "with other evidence it is another dispute");

    // What the arbiter does; here it has the scheduler's key.
    let arbiter = &market.scheduler;
    let account: JobAccount = market.client.fetch(job).await.unwrap();
    let lease: LeaseAccount = market.client.fetch(opened.lease).await.unwrap();
    let ruling = instructions::resolve_dispute(address_of(arbiter), &account, &lease, &opened, Ruling::BuyerRight);
    market.sender(arbiter).send(&ruling, &[]).await.unwrap();
    let after: JobAccount = market.client.fetch(job).await.unwrap();
    assert_eq!((after.job.state, after.job.paid), (JobState::Open, MicroUsdc::ZERO), "another rig may do it");
    cancel_job::cancel_job(&market.client, market.buyer.clone(), job).await.unwrap();
    market.close_job(job).await;
    assert_eq!(market.buyers_money().await, PURSE, "the bond, and all of the deposit");
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
    let job = address::job(address_of(&market.buyer), 5);
    let name = job.to_string();
    let (owner, path) = (address_of(&market.buyer).to_string(), file.to_str().unwrap());
    let delegate = Address([9; 32]).to_string();
    for (task, expected) in [
        (words(&["open", path, "5"]), name.as_str()),
        (words(&["open", path, "5"]), "open already"),
        (words(&["extend", &name, "2500000"]), "2.500000 USDC"),
        (words(&["extend", &name, "2500000"]), "that much already"),
        (words(&["accept", &name]), "0 accepted"),
        (words(&["cancel", &name]), "Done"),
        (words(&["watch", &name]), "Done, 0 leases"),
        (words(&["prepay", "2000000"]), "2.000000 USDC in all"),
        (words(&["allow", &delegate, "1000000", "2000000", "3600"]), "0.000000 USDC of 2.000000 USDC"),
        (words(&["open-prepaid", path, "6", &owner]), "left the balance"),
    ] {
        let (is_done, text) = run(task).await;
        assert!(is_done && text.contains(expected), "{text}");
    }
    let closed = market.client.fetch(job).await.unwrap();
    let close = instructions::close_job(address_of(&market.buyer), &closed);
    market.sender(&market.buyer).send(&close, &[]).await.unwrap();
    let (is_done, text) = run(words(&["statement", &name])).await;
    assert!(is_done && text.contains("back to the funder"), "{text}");
    let (is_done, text) = run(words(&["dispute", &name, "0", path])).await;
    assert!(!is_done && text.contains("account-missing: "), "{text}");
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
