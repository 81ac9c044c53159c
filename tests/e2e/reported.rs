//! What a buyer says to a reported result by the command line: that it is right, before its window is over,
//! or that it is wrong.

use millrace_cli::commands::localnet_up::admin_keypair;
use millrace_cli::stage::rig::Rig;
use millrace_client::accounts::{DisputeAccount, JobAccount, LeaseAccount};
use millrace_client::keys::address_of;
use millrace_client::{Sender, address, instructions};
use millrace_protocol::{JobState, JobTerms, LeaseState, MicroUsdc, Payment, Ruling, Seconds};

use crate::network::{BUDGET, Network, rigs};
use crate::played::{self, DEPOSIT, FEE, PAID, PRICE};

/// A lease that reports twenty seconds, paid only when it is settled, and the job's address as it is typed.
async fn reported(network: &mut Network) -> (LeaseAccount, String) {
    let rig = Rig { price: PRICE, ..rigs(1)[0] };
    network.stage_mut().add_rig(rig).await.unwrap();
    let terms = JobTerms { payment: Payment::OnResult, dispute_window: Seconds(3_600), ..played::terms() };
    let (node, key) = (network.stage().actors[0].node, network.stage().actors[0].node_key.clone());
    let lease = played::leased(network, terms, node, &key).await;
    let job = lease.job.to_string();
    network.millrace(&["job", "accept", &job]).await.refused(1, "lease-not-reported");
    played::ended(network, &lease).await;
    (network.stage().client.fetch(lease.address).await.unwrap(), job)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_lease_is_paid_before_its_window_is_over() {
    let mut network = Network::bare().await;
    let (lease, job) = reported(&mut network).await;
    assert_eq!(lease.lease.state, LeaseState::Reported);
    let (stranger, _) = network.wallet("stranger", MicroUsdc::ZERO).await;
    network.millrace_as(&stranger, &["job", "accept", &job]).await.refused(1, "wrong-buyer");
    network.millrace(&["job", "accept", &job, "--lease", "1"]).await.refused(1, "lease-not-reported");

    let told = network.told_as(&network.stage().buyer_key(), &["job", "accept", &job]).await;
    assert_eq!((&told["leases"][0], &told["paid"]), (&0.into(), &PAID.into()));
    let client = &network.stage().client;
    let after: JobAccount = client.fetch(lease.job).await.unwrap();
    assert_eq!(
        (after.job.state, after.job.paid, after.job.fees),
        (JobState::Done, MicroUsdc(PAID - FEE), MicroUsdc(FEE))
    );
    assert_eq!(client.find::<LeaseAccount>(lease.address).await.unwrap(), None);
    network.millrace(&["job", "accept", &job]).await.refused(1, "lease-not-reported");
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disputed_lease_waits_for_the_arbiter_and_costs_nothing_when_its_buyer_is_right() {
    let mut network = Network::bare().await;
    let (lease, job) = reported(&mut network).await;
    let evidence = network.folder().join("evidence.txt");
    std::fs::write(&evidence, "frame 7 is black").unwrap();
    let evidence = evidence.display().to_string();
    let key = network.stage().buyer_key();
    let dispute = ["job", "dispute", &job, "--lease", "0", "--evidence", &evidence];
    let (poor, _) = network.wallet("poor", MicroUsdc::ZERO).await;
    network.millrace_as(&poor, &dispute).await.refused(1, "insufficient-usdc");
    let none = ["job", "dispute", &job, "--lease", "1", "--evidence", &evidence];
    network.millrace(&none).await.refused(1, "lease-settled");

    let told = network.told_as(&key, &dispute).await;
    assert_eq!(told["bond"], 1_000_000);
    assert_eq!(network.balance().await, MicroUsdc(BUDGET.0 - DEPOSIT.0 - 1_000_000));
    network.millrace(&dispute).await.refused(1, "lease-not-reported");
    network.millrace(&["job", "accept", &job]).await.refused(1, "lease-not-reported");

    let client = network.stage().client.clone();
    let opened: DisputeAccount = client.fetch(address::dispute(lease.address)).await.unwrap();
    let (account, lease): (JobAccount, LeaseAccount) =
        (client.fetch(lease.job).await.unwrap(), client.fetch(lease.address).await.unwrap());
    let arbiter = admin_keypair();
    let ruling = instructions::resolve_dispute(address_of(&arbiter), &account, &lease, &opened, Ruling::BuyerRight);
    Sender::new(client.clone(), arbiter.into()).send(&ruling, &[]).await.unwrap();
    let over: JobAccount = client.fetch(lease.job).await.unwrap();
    // It was allowed one attempt.
    assert_eq!((over.job.state, over.job.paid), (JobState::Done, MicroUsdc::ZERO));
    network.millrace(&["job", "cancel", &job]).await.refused(1, "job-not-cancellable");
    let close = instructions::close_job(address_of(&network.stage().buyer), &over);
    Sender::new(client, network.stage().buyer.clone()).send(&close, &[]).await.unwrap();
    assert_eq!(network.balance().await, BUDGET, "the bond, and all of the deposit");
    network.strike().await;
}
