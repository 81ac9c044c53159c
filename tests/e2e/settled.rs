//! What anyone does for a job by the command line when whoever should bring it to the chain does not.

use millrace_cli::stage::rig::Rig;
use millrace_client::accounts::{JobAccount, LeaseAccount, ProviderAccount};
use millrace_client::instructions::{self, NewJob};
use millrace_client::keys::address_of;
use millrace_client::{Sender, address};
use millrace_protocol::{Address, JobState, JobTerms, LeaseState, MicroUsdc, Payment, Seconds};

use crate::network::{BUDGET, Network, rigs};
use crate::played::{self, FEE, PAID, PRICE};

async fn earned(network: &Network, provider: Address) -> u64 {
    let provider: ProviderAccount = network.stage().client.fetch(provider).await.unwrap();
    provider.provider.earnings.owner.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_nobody_took_is_closed_by_a_stranger_and_its_buyer_has_everything_back() {
    let network = Network::bare().await;
    let stage = network.stage();
    let (buyer, mint) = (address_of(&stage.buyer), stage.localnet.usdc_mint());
    let (funder, spec_hash, terms) = (buyer, [7; 32], played::terms());
    let job = NewJob { buyer, funder, mint, id: 1, spec_hash, terms, attestor: None };
    Sender::new(stage.client.clone(), stage.buyer.clone()).send(&instructions::open_job(job), &[]).await.unwrap();
    let job = address::job(buyer, 1).to_string();
    let (stranger, _) = network.wallet("stranger", MicroUsdc::ZERO).await;

    let early = network.told_as(&stranger, &["job", "settle", &job]).await;
    assert_eq!((&early["steps"], &early["next"]["step"]), (&serde_json::json!([]), &"expire_job".into()));
    network.pass(Seconds(600)).await;
    let told = network.told_as(&stranger, &["job", "settle", &job]).await;
    let steps: Vec<_> = told["steps"].as_array().unwrap().iter().map(|taken| taken["step"].clone()).collect();
    assert_eq!(steps, ["expire_job", "close_job"]);
    assert_eq!((&told["is_closed"], &told["refunded"]), (&true.into(), &played::DEPOSIT.0.into()));
    assert_eq!(network.balance().await, BUDGET);
    network.millrace_as(&stranger, &["job", "settle", &job]).await.refused(1, "account-missing");
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_nobody_objects_to_is_paid_without_the_scheduler() {
    let mut network = Network::bare().await;
    network.stage_mut().add_rig(Rig { price: PRICE, ..rigs(1)[0] }).await.unwrap();
    let terms = JobTerms { payment: Payment::OnResult, dispute_window: Seconds(3_600), ..played::terms() };
    let (node, key) = (network.stage().actors[0].node, network.stage().actors[0].node_key.clone());
    let lease = played::leased(&network, terms, node, &key).await;
    played::ended(&network, &lease).await;
    let (client, job) = (network.stage().client.clone(), lease.job.to_string());
    let (stranger, _) = network.wallet("stranger", MicroUsdc::ZERO).await;
    let early = network.told_as(&stranger, &["job", "settle", &job]).await;
    assert_eq!((&early["steps"], &early["next"]["lease"]), (&serde_json::json!([]), &0.into()));
    assert_eq!(client.fetch::<LeaseAccount>(lease.address).await.unwrap().lease.state, LeaseState::Reported);

    network.pass(Seconds(3_600)).await;
    let told = network.told_as(&stranger, &["job", "settle", &job]).await;
    let steps: Vec<_> = told["steps"].as_array().unwrap().iter().map(|taken| taken["step"].clone()).collect();
    assert_eq!(steps, ["finalize_lease", "close_job"]);
    assert_eq!(earned(&network, lease.provider).await, PAID - FEE);
    assert_eq!(network.balance().await, MicroUsdc(BUDGET.0 - PAID));
    assert_eq!(client.find::<JobAccount>(lease.job).await.unwrap(), None);
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_is_freed_of_a_lease_that_nobody_ends() {
    let mut network = Network::bare().await;
    network.stage_mut().add_rig(Rig { price: PRICE, ..rigs(1)[0] }).await.unwrap();
    let (node, key) = (network.stage().actors[0].node, network.stage().actors[0].node_key.clone());
    let lease = played::leased(&network, played::terms(), node, &key).await;
    let job = lease.job.to_string();
    network.told_as(&network.stage().buyer_key(), &["job", "cancel", &job]).await;
    let job_account: JobAccount = network.stage().client.fetch(lease.job).await.unwrap();
    assert_eq!(job_account.job.state, JobState::Cancelling);
    let buyer = network.stage().buyer_key();
    let early = network.told_as(&buyer, &["job", "settle", &job]).await;
    assert_eq!((&early["steps"], &early["next"]["step"]), (&serde_json::json!([]), &"expire_lease".into()));

    // The grace for a last voucher, from the cancel on.
    network.pass(Seconds(700)).await;
    let told = network.told_as(&buyer, &["job", "settle", &job]).await;
    let steps: Vec<_> = told["steps"].as_array().unwrap().iter().map(|taken| taken["step"].clone()).collect();
    assert_eq!(steps, ["expire_lease", "close_job"]);
    // It never worked: nothing is paid, and it was sent away, so that nothing is slashed.
    assert_eq!((network.balance().await, earned(&network, lease.provider).await), (BUDGET, 0));
    network.strike().await;
}
