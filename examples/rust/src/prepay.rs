//! Prepay: put money into a balance that jobs are paid from and refunded into.

use std::sync::Arc;

use millrace_client::accounts::BuyerAccount;
use millrace_client::keys::address_of;
use millrace_client::{Client, Error, Keypair, Prepared, Sender, address, instructions};
use millrace_protocol::MicroUsdc;

/// Puts `amount` into the owner's prepaid balance, which is opened where there is none, and returns what is
/// in it then.
///
/// A deposit leaves nothing behind by which a repeat could be told from a second deposit. So `keep` is given
/// the signed transaction before it is sent: whoever has written it down may submit the same bytes again
/// after a crash, and they land once. After `transaction-expired` nothing has happened, and this may be
/// called again.
///
/// # Errors
/// A wallet that cannot pay, no endpoint that answers.
pub async fn prepay(
    client: &Client,
    owner: Arc<Keypair>,
    amount: MicroUsdc,
    keep: impl FnOnce(&Prepared),
) -> Result<MicroUsdc, Error> {
    let (network, wallet) = (client.config().await?, address_of(&owner));
    let found: Option<BuyerAccount> = client.find(address::buyer(wallet)).await?;
    // Opened and filled in one transaction: both happen, or neither.
    let mut transaction = match &found {
        Some(_) => Vec::new(),
        None => instructions::open_buyer(wallet, network.mint),
    };
    let balance = found.unwrap_or(BuyerAccount::to_be_opened(wallet, network.mint));
    transaction.extend(instructions::deposit_balance(wallet, &balance, amount));
    let sender = Sender::new(client.clone(), owner);
    let prepared = sender.prepare(&transaction, &[]).await?;
    keep(&prepared);
    let receipt = sender.submit_signed(&prepared.transaction, prepared.last_valid_block_height).await?;
    println!("{amount} are prepaid, by {}", receipt.signature);
    let after: BuyerAccount = client.fetch(balance.address).await?;
    Ok(after.buyer.balance)
}
