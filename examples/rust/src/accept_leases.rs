//! Accept what a job's leases report, before their dispute window is over.

use std::sync::Arc;

use millrace_client::accounts::{JobAccount, LeaseAccount};
use millrace_client::keys::address_of;
use millrace_client::{Client, Error, Goal, Keypair, Outcome, Sender, address, instructions};
use millrace_protocol::{Address, LeaseState};

/// Has every reported lease of a job settled as reported, and returns their numbers. Nothing about them can
/// be disputed then; what is left of the job need not wait for the window.
///
/// # Errors
/// A job that does not exist or is another buyer's, no endpoint that answers.
pub async fn accept_leases(client: &Client, buyer: Arc<Keypair>, job: Address) -> Result<Vec<u32>, Error> {
    let job: JobAccount = client.fetch(job).await?;
    // A job's leases are numbered from 0. Those that are settled have no account any more.
    let numbers = 0..job.job.leases_opened;
    let addresses: Vec<_> = numbers.map(|number| address::lease(job.address, job.opened_slot, number)).collect();
    let leases = client.find_many::<LeaseAccount>(&addresses).await?;
    let sender = Sender::new(client.clone(), buyer.clone());
    let mut accepted = Vec::new();
    for lease in leases.into_iter().flatten().filter(|lease| lease.lease.state == LeaseState::Reported) {
        let accept = instructions::accept_lease(address_of(&buyer), &lease);
        match sender.send_once(&Goal::gone(lease.address), &accept, &[]).await? {
            Outcome::Landed(receipt) => println!("lease {} is settled by {}", lease.number, receipt.signature),
            Outcome::AlreadyThere => println!("lease {} was settled already", lease.number),
        }
        accepted.push(lease.number);
    }
    Ok(accepted)
}
