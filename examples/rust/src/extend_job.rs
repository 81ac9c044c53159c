//! Add money to a job that is not over.

use std::sync::Arc;

use millrace_client::accounts::JobAccount;
use millrace_client::{AnyAccount, Client, Error, Goal, Keypair, Outcome, Sender, instructions};
use millrace_protocol::transitions::JobExtension;
use millrace_protocol::{Address, MicroUsdc};

/// Raises a job's deposit to `deposit` and returns its account after that. The money comes from where the
/// first deposit came from: the buyer's wallet, or its prepaid balance.
///
/// The sum is named, not the difference: whoever calls this again after a lost answer adds nothing. Two
/// processes must not raise the same job at the same time: each would add what was missing when it looked.
///
/// # Errors
/// A job that is over or another buyer's, a wallet or balance that cannot pay, no endpoint that answers.
pub async fn extend_job(
    client: &Client,
    buyer: Arc<Keypair>,
    job: Address,
    deposit: MicroUsdc,
) -> Result<JobAccount, Error> {
    let before: JobAccount = client.fetch(job).await?;
    let missing = deposit.saturating_minus(before.job.terms.deposit);
    if missing == MicroUsdc::ZERO {
        println!("it has that much already");
        return Ok(before);
    }
    // Longer leases and a longer wait for a rig go the same way.
    let extension = JobExtension { deposit: missing, ..JobExtension::default() };
    let goal = Goal::new(
        job,
        move |account| matches!(account, Some(AnyAccount::Job(found)) if found.job.terms.deposit >= deposit),
    );
    let extend = instructions::extend_job(&before, extension);
    match Sender::new(client.clone(), buyer).send_once(&goal, &extend, &[]).await? {
        Outcome::Landed(receipt) => println!("{missing} added, by {}", receipt.signature),
        Outcome::AlreadyThere => println!("it has that much already"),
    }
    client.fetch(job).await
}
