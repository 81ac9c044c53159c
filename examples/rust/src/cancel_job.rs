//! Cancel a job.

use std::sync::Arc;

use millrace_client::accounts::JobAccount;
use millrace_client::keys::address_of;
use millrace_client::{Client, Error, Goal, Keypair, Outcome, Sender, instructions};
use millrace_protocol::Address;

/// Cancels a job and returns its account after that. The seconds that rigs worked until now are paid, the
/// rest of the deposit goes back to the funder when the job is closed, which anyone may do.
///
/// Cancelling twice is cancelling once.
///
/// # Errors
/// A job that is over or another buyer's, no endpoint that answers.
pub async fn cancel_job(client: &Client, buyer: Arc<Keypair>, job: Address) -> Result<JobAccount, Error> {
    let cancel = instructions::cancel_job(address_of(&buyer), job);
    let sender = Sender::new(client.clone(), buyer);
    match sender.send_once(&Goal::job_cancelled(job), &cancel, &[]).await? {
        Outcome::Landed(receipt) => println!("cancelled by {}", receipt.signature),
        Outcome::AlreadyThere => println!("it was cancelled already"),
    }
    client.fetch(job).await
}
