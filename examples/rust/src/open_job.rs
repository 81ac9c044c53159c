//! Open a job and pay its deposit into the job's own vault: one transaction.

use std::sync::Arc;

use millrace_client::instructions::{self, NewJob};
use millrace_client::keys::address_of;
use millrace_client::{Client, Error, Goal, Keypair, Outcome, Sender, address};
use millrace_protocol::Address;
use millrace_spec::JobSpec;

/// Opens the job that `spec` describes and returns its address.
///
/// `id` is the buyer's own number for the job. It makes the job's address, so this may be called again
/// with the same number after a crash or a lost answer, from another process too: the job is opened once
/// and paid for once.
///
/// What is on the chain is the spec's hash and the money. A network's orchestrator runs the job once it
/// has the spec and the inputs as well, which `millrace job submit` uploads.
///
/// # Errors
/// A wallet that cannot pay, an `id` that names another job of the buyer's, no endpoint that answers.
pub async fn open_job(client: &Client, buyer: Arc<Keypair>, id: u64, spec: &JobSpec) -> Result<Address, Error> {
    let network = client.config().await?;
    let owner = address_of(&buyer);
    let job = NewJob {
        buyer: owner,
        // Whoever funds the job gets back what is left; the buyer itself, here.
        funder: owner,
        mint: network.mint,
        id,
        spec_hash: spec.hash().0,
        // Price, time, deposit and what a rig must have, as the job file says.
        terms: spec.terms,
        // The network's scheduler counts the time, unless the buyer names somebody else.
        attestor: None,
    };
    let sender = Sender::new(client.clone(), buyer);
    match sender.send_once(&Goal::job_opened(job), &instructions::open_job(job), &[]).await? {
        Outcome::Landed(receipt) => println!("{} is in escrow, by {}", spec.terms.deposit, receipt.signature),
        Outcome::AlreadyThere => println!("the job is open already"),
    }
    Ok(address::job(owner, id))
}
