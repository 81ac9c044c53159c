//! Read where a job's money came from and where it went: from the chain alone, also when the job's account
//! is long closed.

use millrace_client::history::Statement;
use millrace_client::{Client, Error};
use millrace_protocol::Address;

/// Reads a job's events and adds them up. `None`: the endpoints know of no such job, or keep no transactions
/// that old.
///
/// # Errors
/// No endpoint that answers, or none that keeps transactions.
pub async fn read_statement(client: &Client, job: Address) -> Result<Option<Statement>, Error> {
    let history = client.job_history(job).await?;
    if history.entries.is_empty() {
        return Ok(None);
    }
    let statement = history.statement();
    for node in &statement.nodes {
        // Each posting names the transaction that made it.
        for payment in &node.paid {
            println!("{:>16}  to {} by {}", payment.amount.to_string(), node.node, payment.signature);
        }
    }
    println!("{:>16}  in fees", statement.fees().to_string());
    if let Some(refund) = statement.refund {
        println!("{:>16}  back to the funder by {}", refund.amount.to_string(), refund.signature);
    }
    if !statement.balanced() {
        println!("this does not add up: the endpoint has not told everything");
    }
    Ok(Some(statement))
}
