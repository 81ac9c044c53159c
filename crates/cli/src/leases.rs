//! A job's leases as the chain has them.

use millrace_client::accounts::{JobAccount, LeaseAccount};
use millrace_client::{Client, Error, address as addresses};

/// Every lease of the job that is not settled, by number.
///
/// # Errors
/// An RPC endpoint that cannot be reached.
pub async fn of_job(client: &Client, job: &JobAccount) -> Result<Vec<LeaseAccount>, Error> {
    let mut leases = Vec::new();
    for number in 0..job.job.leases_opened {
        leases.extend(client.find(addresses::lease(job.address, job.opened_slot, number)).await?);
    }
    Ok(leases)
}
