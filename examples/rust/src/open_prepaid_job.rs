//! Open a job from a prepaid balance, as its owner or as a delegate.

use std::sync::Arc;

use millrace_client::accounts::BuyerAccount;
use millrace_client::instructions::{self, NewPrepaidJob};
use millrace_client::keys::address_of;
use millrace_client::{Client, Error, Goal, Keypair, Outcome, Sender, address};
use millrace_protocol::Address;
use millrace_spec::JobSpec;

/// Opens the job that `spec` describes with its deposit from `owner`'s balance, and returns its address. The
/// job is the owner's, whoever opens it: only the owner cancels and extends it, and what is left of it comes
/// back into the balance.
///
/// `id` is the owner's number for the job, as with `open_job`: a repeat opens nothing twice.
///
/// # Errors
/// A balance or an allowance that does not cover the deposit, an allowance that has expired, an `id` that
/// names another job of the owner's, no endpoint that answers.
pub async fn open_prepaid_job(
    client: &Client,
    authority: Arc<Keypair>,
    owner: Address,
    id: u64,
    spec: &JobSpec,
) -> Result<Address, Error> {
    let balance: BuyerAccount = client.fetch(address::buyer(owner)).await?;
    let job = NewPrepaidJob {
        // The owner, or a delegate: who signs pays rent and fees in SOL, and gets the rent back.
        authority: address_of(&authority),
        id,
        spec_hash: spec.hash().0,
        terms: spec.terms,
        attestor: None,
    };
    let goal = Goal::prepaid_job_opened(&balance, job);
    let open = instructions::open_job_prepaid(&balance, job);
    match Sender::new(client.clone(), authority).send_once(&goal, &open, &[]).await? {
        Outcome::Landed(receipt) => println!("{} left the balance, by {}", spec.terms.deposit, receipt.signature),
        Outcome::AlreadyThere => println!("the job is open already"),
    }
    Ok(address::job(owner, id))
}
