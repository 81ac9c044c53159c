use millrace_client::accounts::BuyerAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Buyer, MicroUsdc};
use serde::Serialize;
use serde_json::Value;

use crate::args::DepositBalance;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::change::{Change, read_back};

#[derive(Serialize)]
struct Deposited {
    account: Address,
    /// Whether this deposit has opened the balance.
    opened: bool,
    deposited: MicroUsdc,
    /// None where it could not be read back.
    balance: Option<Change<MicroUsdc>>,
    transaction: String,
}

impl Report for Deposited {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let opened = if self.opened { ", which is opened with it" } else { "" };
        let rows = output::rows([
            ("account", self.account.to_string()),
            ("balance", read_back(self.balance)),
            ("transaction", self.transaction.clone()),
        ]);
        format!("{}\n{rows}", style.good(&format!("{} put into the prepaid balance{opened}", self.deposited)))
    }

    fn next(&self) -> Vec<String> {
        vec![
            "millrace job submit <FILE> --prepaid".to_owned(),
            "millrace delegate allow --help  (let another key open jobs from it)".to_owned(),
        ]
    }
}

/// Puts money into the wallet's prepaid balance; opens it where there is none.
///
/// # Errors
/// No amount, a wallet without it, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: DepositBalance) -> Result<(), Failure> {
    // The chain's own rule, so that a hopeless transaction is not paid for.
    Buyer::default().deposit(args.amount)?;
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let client = context.client();
    let network = client.config().await?;
    client.require_usdc(wallet, network.mint, args.amount).await?;
    let account = addresses::buyer(wallet);
    let found: Option<BuyerAccount> = client.find(account).await?;
    let opened = found.is_none();
    let before = found.unwrap_or(BuyerAccount::to_be_opened(wallet, network.mint));
    // Both or none: a balance that is opened and stays empty is rent for nothing.
    let mut transaction = if opened { instructions::open_buyer(wallet, network.mint) } else { Vec::new() };
    transaction.extend(instructions::deposit_balance(wallet, &before, args.amount));
    let receipt = context.send(&transaction, &owner).await?;
    let after = client.fetch::<BuyerAccount>(account).await.ok();
    context.output.report(&Deposited {
        account,
        opened,
        deposited: args.amount,
        balance: after.map(|after| Change { before: before.buyer.balance, after: after.buyer.balance }),
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_deposit_says_that_it_opens_the_balance() {
        let deposited = Deposited {
            account: Address([1; 32]),
            opened: true,
            deposited: MicroUsdc(5_000_000),
            balance: Some(Change { before: MicroUsdc::ZERO, after: MicroUsdc(5_000_000) }),
            transaction: "4xY".to_owned(),
        };
        insta::assert_snapshot!(deposited.human(Style::plain()));
    }
}
