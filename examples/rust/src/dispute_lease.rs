//! Dispute what a lease reports.

use std::sync::Arc;

use millrace_client::accounts::{DisputeAccount, JobAccount, LeaseAccount};
use millrace_client::keys::address_of;
use millrace_client::{AnyAccount, Client, Error, Goal, Keypair, Outcome, Sender, address, instructions};
use millrace_protocol::Address;
use millrace_spec::sha256;

/// Disputes a job's reported lease, with the hash of `evidence` on chain, and returns the dispute: its bond,
/// and when it is decided at the latest. Until then nothing more is paid for the lease. The evidence itself
/// goes to the network's arbiter by other ways.
///
/// # Errors
/// A lease that is settled, not reported, or whose window is over; a wallet without the bond; no endpoint
/// that answers.
pub async fn dispute_lease(
    client: &Client,
    buyer: Arc<Keypair>,
    job: Address,
    number: u32,
    evidence: &[u8],
) -> Result<DisputeAccount, Error> {
    let job: JobAccount = client.fetch(job).await?;
    let lease: LeaseAccount = client.fetch(address::lease(job.address, job.opened_slot, number)).await?;
    let (challenger, hash) = (address_of(&buyer), sha256(evidence).0);
    let dispute = address::dispute(lease.address);
    let goal = Goal::new(dispute, move |account| match account {
        Some(AnyAccount::Dispute(found)) => (found.challenger, found.evidence_hash) == (challenger, hash),
        _ => false,
    });
    let open = instructions::open_dispute(challenger, &job, &lease, hash);
    match Sender::new(client.clone(), buyer).send_once(&goal, &open, &[]).await? {
        Outcome::Landed(receipt) => println!("disputed by {}", receipt.signature),
        Outcome::AlreadyThere => println!("it was disputed already"),
    }
    client.fetch(dispute).await
}
