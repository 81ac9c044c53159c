//! Let another key open jobs from a prepaid balance: a build server's, a gateway's.

use std::sync::Arc;

use millrace_client::accounts::AllowanceAccount;
use millrace_client::instructions::{self, AllowanceTerms};
use millrace_client::keys::address_of;
use millrace_client::{AnyAccount, Client, Error, Goal, Keypair, Outcome, Sender, address};
use millrace_protocol::Address;

/// Lets `delegate` open jobs from the owner's balance on these terms, and returns the allowance. It can do
/// nothing else: neither withdraw nor extend nor cancel. Where it has an allowance the terms are changed, and
/// what it has spent stays spent.
///
/// # Errors
/// A wallet without a balance, no endpoint that answers.
pub async fn allow_delegate(
    client: &Client,
    owner: Arc<Keypair>,
    delegate: Address,
    terms: AllowanceTerms,
) -> Result<AllowanceAccount, Error> {
    let wallet = address_of(&owner);
    let allowance = address::allowance(address::buyer(wallet), delegate);
    let allow = match client.find::<AllowanceAccount>(allowance).await? {
        Some(known) => instructions::change_allowance(wallet, &known, terms),
        None => instructions::open_allowance(wallet, delegate, terms),
    };
    let goal = Goal::new(allowance, move |account| match account {
        Some(AnyAccount::Allowance(found)) => {
            let now = found.allowance;
            (now.per_job, now.total, now.expires_at) == (terms.per_job, terms.total, terms.expires_at)
        }
        _ => false,
    });
    match Sender::new(client.clone(), owner).send_once(&goal, &allow, &[]).await? {
        Outcome::Landed(receipt) => println!("allowed by {}", receipt.signature),
        Outcome::AlreadyThere => println!("it was allowed already"),
    }
    client.fetch(allowance).await
}
