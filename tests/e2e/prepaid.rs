//! A buyer's prepaid balance by the command line: jobs are paid from it, by its owner and by a delegate, and
//! every micro-USDC comes back. Nobody offers a rig, so nothing is used up.

use std::path::Path;

use millrace_client::accounts::{BuyerAccount, JobAccount};
use millrace_client::address;
use millrace_client::keys::address_of;
use millrace_protocol::{Address, MicroUsdc};
use serde_json::Value;

use crate::jobs::Shell;
use crate::network::{BUDGET, Network};

const TEN: u64 = 10_000_000;

fn job_of(told: &Value) -> Address {
    told["job"].as_str().unwrap().parse().unwrap()
}

/// What the chain says is in the buyer's balance.
async fn prepaid(network: &Network) -> u64 {
    let account = address::buyer(address_of(&network.stage().buyer));
    network.stage().client.fetch::<BuyerAccount>(account).await.unwrap().buyer.balance.0
}

async fn network() -> Network {
    let mut network = Network::bare().await;
    network.stage_mut().start_orchestrator().await.unwrap();
    network
}

fn job_file(network: &Network) -> String {
    Shell::default().write(network.folder()).display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_pays_for_a_job_that_is_extended_and_cancelled_and_comes_back_whole() {
    let network = network().await;
    let (file, key) = (job_file(&network), network.stage().buyer_key());
    network.millrace(&["balance", "show"]).await.refused(1, "account-missing");
    network.millrace(&["job", "submit", &file, "--prepaid"]).await.refused(1, "account-missing");
    network.millrace(&["balance", "deposit", "21"]).await.refused(1, "insufficient-usdc");
    network.millrace(&["balance", "deposit", "0"]).await.refused(1, "amount-zero");
    assert_eq!(network.balance().await, BUDGET, "nothing has left the wallet");

    let said = network.millrace(&["balance", "deposit", "10"]).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert!(said.stdout.contains("0.000000 USDC -> 10.000000 USDC"), "{}", said.stdout);
    assert!(said.stderr.contains("job submit <FILE> --prepaid"), "{}", said.stderr);
    assert_eq!((network.balance().await, prepaid(&network).await), (MicroUsdc(BUDGET.0 - TEN), TEN));
    network.millrace(&["balance", "withdraw", "10.000001"]).await.refused(1, "balance-too-small");

    let told = network.told_as(&key, &["job", "submit", &file, "--prepaid"]).await;
    let (job, deposit) = (job_of(&told), told["quote"]["deposit"].as_u64().unwrap());
    assert_eq!(told["balance"]["before"], TEN);
    assert_eq!(told["balance"]["after"], TEN - deposit);
    assert_eq!((network.balance().await, prepaid(&network).await), (MicroUsdc(BUDGET.0 - TEN), TEN - deposit));
    network.millrace(&["balance", "close"]).await.refused(1, "buyer-busy");

    extended(&network, &key, job).await;
    assert_eq!(prepaid(&network).await, TEN - deposit - 1_500_000);

    let said = network.millrace(&["job", "cancel", &job.to_string()]).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    network.closed(job).await;
    assert_eq!(prepaid(&network).await, TEN, "deposit and extension came back into the balance");
    let over = ["job", "extend", &job.to_string(), "--deposit", "1"];
    network.millrace(&over).await.refused(1, "account-missing");

    emptied(&network, &key).await;
    network.strike().await;
}

/// Money, longer leases and a longer wait, for its buyer only and no more than there is.
async fn extended(network: &Network, key: &Path, job: Address) {
    let text = job.to_string();
    let client = &network.stage().client;
    let before: JobAccount = client.fetch(job).await.unwrap();
    network.millrace(&["job", "extend", &text, "--deposit", "100"]).await.refused(1, "balance-too-small");
    let (stranger, _) = network.wallet("stranger", MicroUsdc(TEN)).await;
    network.millrace_as(&stranger, &["job", "extend", &text, "--deposit", "1"]).await.refused(1, "wrong-buyer");
    network.millrace(&["job", "extend", &text, "--lease", "30d"]).await.refused(1, "terms-invalid");
    assert_eq!(client.fetch::<JobAccount>(job).await.unwrap(), before, "what is refused changes nothing");

    let more = ["job", "extend", &text, "--deposit", "1.5", "--lease", "5m", "--start-window", "1h"];
    let told = network.told_as(key, &more).await;
    let after: JobAccount = client.fetch(job).await.unwrap();
    let (old, new) = (before.job.terms, after.job.terms);
    assert_eq!(new.deposit.0, old.deposit.0 + 1_500_000);
    assert_eq!((old.lease_seconds.0, new.lease_seconds.0), (600, 900));
    assert_eq!(after.job.start_deadline.0, before.job.start_deadline.0 + 3_600);
    assert_eq!(told["deposit"]["after"], new.deposit.0);
    assert_eq!(told["lease_seconds"]["before"], 600);
}

/// Out of the balance again, to the last micro-USDC.
async fn emptied(network: &Network, key: &Path) {
    let told = network.told_as(key, &["balance", "withdraw", "4"]).await;
    assert_eq!(told["wallet"]["after"], BUDGET.0 - TEN + 4_000_000);
    assert_eq!(network.balance().await, MicroUsdc(BUDGET.0 - TEN + 4_000_000));
    let told = network.told_as(key, &["balance", "close"]).await;
    assert_eq!(told["withdrawn"], 6_000_000);
    network.untouched().await;
    let account = address::buyer(address_of(&network.stage().buyer));
    assert_eq!(network.stage().client.find::<BuyerAccount>(account).await.unwrap(), None);
    network.millrace(&["balance", "close"]).await.refused(1, "account-missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegate_opens_jobs_within_its_caps_until_it_is_revoked() {
    let network = network().await;
    let (file, owner_key) = (job_file(&network), network.stage().buyer_key());
    let owner = address_of(&network.stage().buyer).to_string();
    let (key, address) = network.wallet("delegate", MicroUsdc::ZERO).await;
    let delegate = address.to_string();
    let submit = ["job", "submit", &file, "--prepaid", "--buyer", &owner];
    let allow = |per_job, total| {
        ["delegate", "allow", &delegate, "--per-job", per_job, "--total", total, "--for", "1h"].map(str::to_owned)
    };
    let allow = async |key: &Path, per_job, total| {
        let words = allow(per_job, total);
        network.millrace_as(key, &words.each_ref().map(String::as_str)).await
    };
    allow(&owner_key, "1", "1").await.refused(1, "account-missing");
    network.told_as(&owner_key, &["balance", "deposit", "10"]).await;
    network.millrace_as(&key, &submit).await.refused(1, "account-missing");
    allow(&owner_key, "2", "1").await.refused(2, "allowance-useless");
    allow(&key, "1", "1").await.refused(2, "delegate-is-owner");

    // The job's deposit is 1 USDC: one fits, two do not.
    assert_eq!(allow(&owner_key, "1", "1.5").await.status, 0);
    let told = network.told_as(&key, &submit).await;
    let (job, deposit) = (job_of(&told), told["quote"]["deposit"].as_u64().unwrap());
    assert_eq!(told["buyer"], *owner);
    assert_eq!(prepaid(&network).await, TEN - deposit);
    network.millrace_as(&key, &submit).await.refused(1, "allowance-exceeded");
    network.millrace_as(&key, &["balance", "withdraw", "1"]).await.refused(1, "account-missing");
    let text = job.to_string();
    network.millrace_as(&key, &["job", "extend", &text, "--deposit", "1"]).await.refused(1, "wrong-buyer");

    let told = network.told_as(&owner_key, &["delegate", "show"]).await;
    assert_eq!(told["delegates"].as_array().unwrap().len(), 1);
    assert_eq!(told["delegates"][0]["delegate"], *delegate);
    assert_eq!(told["delegates"][0]["spent"], deposit);
    // More for the same key: what it spent stays spent.
    assert_eq!(allow(&owner_key, "1", "5").await.status, 0);
    let told = network.told_as(&owner_key, &["delegate", "show", &delegate]).await;
    assert_eq!((&told["delegates"][0]["total"], &told["delegates"][0]["spent"]), (&5_000_000.into(), &deposit.into()));

    assert_eq!(network.told_as(&key, &["job", "show", &text]).await["buyer"], *owner);
    let (stranger, _) = network.wallet("stranger", MicroUsdc::ZERO).await;
    network.millrace_as(&stranger, &["job", "show", &text]).await.refused(1, "not-the-buyer");
    assert_eq!(network.millrace(&["job", "cancel", &text]).await.status, 0);
    network.closed(job).await;
    network.millrace(&["balance", "close"]).await.refused(1, "buyer-busy");
    let told = network.told_as(&owner_key, &["delegate", "revoke", &delegate]).await;
    assert_eq!(told["spent"], deposit);
    network.millrace_as(&key, &submit).await.refused(1, "account-missing");
    network.told_as(&key, &["job", "show", &text]).await;
    network.millrace(&["delegate", "revoke", &delegate]).await.refused(1, "account-missing");
    let told = network.told_as(&owner_key, &["balance", "close"]).await;
    assert_eq!(told["withdrawn"], TEN);
    network.untouched().await;
    network.strike().await;
}
