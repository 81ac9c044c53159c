//! Money has moved and whoever tells what came of it is silent: no failure, and never a job without its address.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millrace_cli::stage::Stage;
use millrace_client::accounts::{BuyerAccount, JobAccount, ProviderAccount};
use millrace_client::keys::address_of;
use millrace_client::{Keypair, address as addresses};
use millrace_protocol::{Address, JobState, MicroUsdc};
use serde_json::Value;

use crate::network::{command, raise, told};
use crate::proxy::{Answer, Fate, Request, proxy};

/// An RPC endpoint that shows no account any more once it has taken a transaction.
async fn silent_after_sending(stage: &Stage) -> String {
    let sent = AtomicBool::new(false);
    let decide = move |request: &Request| {
        if request.body.contains("sendTransaction") {
            sent.store(true, Ordering::SeqCst);
        }
        let reads = ["getMultipleAccounts", "getTokenAccountBalance"].iter().any(|call| request.body.contains(call));
        if reads && sent.load(Ordering::SeqCst) { Fate::Answer(Answer::new(503, "")) } else { Fate::Pass }
    };
    proxy(&stage.localnet.rpc_url(), decide).await
}

/// Runs the command as the buyer on an endpoint that goes silent, and returns its report.
async fn report(stage: &Stage, words: &[&str]) -> Value {
    let rpc = silent_after_sending(stage).await;
    let said = command(stage, &stage.buyer_key(), &rpc, &stage.http_url(), words).await;
    assert!(said.starts_with("status 0"), "{words:?}: {said}");
    let report = told(&said, "stdout");
    assert!(report["transaction"].is_string(), "{words:?}: {report}");
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_landed_is_told_with_its_transaction_though_nothing_can_be_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let stage = raise(folder.path(), "1h").await;
    let buyer = address_of(&stage.buyer);

    let deposited = report(&stage, &["balance", "deposit", "3"]).await;
    assert!(deposited["balance"].is_null() && deposited["account"].is_string(), "{deposited}");
    let held: BuyerAccount = stage.client.fetch(addresses::buyer(buyer)).await.unwrap();
    assert_eq!(held.buyer.balance, MicroUsdc(3_000_000));

    let submitted = report(&stage, &["job", "submit", "job.toml", "--prepaid"]).await;
    let job: Address = serde_json::from_value(submitted["job"].clone()).unwrap();
    let opened: JobAccount = stage.client.fetch(job).await.unwrap();
    assert!(opened.prepaid && submitted.get("balance").is_none(), "{submitted}");

    let extended = report(&stage, &["job", "extend", &job.to_string(), "--deposit", "1"]).await;
    assert!(extended["deposit"].is_null() && extended["available"].is_null(), "{extended}");
    let after: JobAccount = stage.client.fetch(job).await.unwrap();
    assert_eq!(after.job.terms.deposit, opened.job.terms.deposit.plus(MicroUsdc(1_000_000)).unwrap());

    let cancelled = report(&stage, &["job", "cancel", &job.to_string()]).await;
    assert!(cancelled["in_escrow"].is_null() && cancelled["live_leases"].is_null(), "{cancelled}");
    let after: Option<JobAccount> = stage.client.find(job).await.unwrap();
    assert!(after.is_none_or(|account| account.job.state == JobState::Done));

    let withdrawn = report(&stage, &["balance", "withdraw", "1"]).await;
    assert!(withdrawn["balance"].is_null() && withdrawn["wallet"].is_null(), "{withdrawn}");
    let wallet = stage.client.usdc_balance(buyer, stage.localnet.usdc_mint()).await.unwrap();
    assert_eq!(wallet, MicroUsdc(8_000_000));

    report(&stage, &["provider", "register", "--name", "Mill"]).await;
    let purse = address_of(&Keypair::new()).to_string();
    let changed = report(&stage, &["provider", "payout", &purse]).await;
    assert!(changed["next_from"].is_null() && changed["next"] == *purse, "{changed}");
    let provider: ProviderAccount = stage.client.fetch(addresses::provider(buyer)).await.unwrap();
    assert_eq!((provider.payout.owner, provider.payout.next.to_string()), (buyer, purse));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_cannot_be_followed_is_named_to_the_script_that_paid_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let stage = raise(folder.path(), "1h").await;
    let known = Arc::new(AtomicBool::new(false));
    let decide = move |request: &Request| {
        if !request.path.starts_with("/v1/jobs/") {
            return Fate::Pass;
        }
        let known = known.clone();
        Fate::Change(Box::new(move |answer| {
            if answer.status == 200 && known.swap(true, Ordering::SeqCst) {
                *answer = Answer::refusal(403, "not-the-buyer");
            }
        }))
    };
    let market = proxy(&stage.http_url(), decide).await;
    let (key, rpc) = (stage.buyer_key(), stage.localnet.rpc_url());
    let said = command(&stage, &key, &rpc, &market, &["job", "submit", "job.toml", "--follow"]).await;
    assert!(said.starts_with("status 1"), "{said}");
    let error = told(&said, "stderr")["error"].clone();
    assert_eq!(error["code"], "not-the-buyer");
    let job: Address = serde_json::from_value(error["job"].clone()).unwrap();
    let account: JobAccount = stage.client.fetch(job).await.unwrap();
    assert_eq!((account.buyer, account.job.state), (address_of(&stage.buyer), JobState::Open));
}
