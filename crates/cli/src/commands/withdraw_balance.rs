use millrace_client::accounts::BuyerAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Diagnostic, MicroUsdc};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::WithdrawBalance;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::change::{Change, read_back};

/// Why nothing leaves.
#[derive(Debug, Error)]
enum Error {
    #[error("the balance holds {available}, and {asked} are to leave it")]
    TooMuch { available: MicroUsdc, asked: MicroUsdc },
    #[error("the balance is empty")]
    Empty,
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::TooMuch { .. } => "balance-too-small",
            Self::Empty => "nothing-to-withdraw",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::TooMuch { .. } => "`millrace balance withdraw --all` takes all that is in it",
            Self::Empty => {
                "what live jobs do not use comes back to it; `millrace balance close` closes one that is empty"
            }
        }
        .to_owned()
    }
}

#[derive(Serialize)]
struct Withdrawn {
    account: Address,
    withdrawn: MicroUsdc,
    /// None where it could not be read back.
    balance: Option<Change<MicroUsdc>>,
    /// Of the keypair's own USDC account; the same.
    wallet: Option<Change<MicroUsdc>>,
    transaction: String,
}

impl Report for Withdrawn {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = output::rows([
            ("balance", read_back(self.balance)),
            ("wallet", read_back(self.wallet)),
            ("transaction", self.transaction.clone()),
        ]);
        format!("{}\n{rows}", style.good(&format!("{} taken out of the prepaid balance", self.withdrawn)))
    }

    fn next(&self) -> Vec<String> {
        match self.balance {
            Some(Change { after: MicroUsdc::ZERO, .. }) => {
                vec!["millrace balance close  (its rent comes back)".to_owned()]
            }
            _ => vec!["millrace balance show".to_owned()],
        }
    }
}

/// Takes money out of the wallet's prepaid balance.
///
/// # Errors
/// No amount, more than there is, a wallet without a balance, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: WithdrawBalance) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let client = context.client();
    let account = addresses::buyer(address(&owner));
    let before: BuyerAccount = client.fetch(account).await?;
    let amount = amount(args.amount, before.buyer.balance).map_err(|error| Failure::refused(&error))?;
    // The chain's own rule, so that a hopeless transaction is not paid for.
    { before.buyer }.withdraw(amount)?;
    let wallet_before = client.usdc_balance(before.owner, before.mint).await?;
    let receipt = context.send(&instructions::withdraw_balance(&before, amount), &owner).await?;
    let after = client.fetch::<BuyerAccount>(account).await.ok();
    let wallet_after = client.usdc_balance(before.owner, before.mint).await.ok();
    context.output.report(&Withdrawn {
        account,
        withdrawn: amount,
        balance: after.map(|after| Change { before: before.buyer.balance, after: after.buyer.balance }),
        wallet: wallet_after.map(|after| Change { before: wallet_before, after }),
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

/// What is to leave; everything where no amount is asked for.
fn amount(asked: Option<MicroUsdc>, available: MicroUsdc) -> Result<MicroUsdc, Error> {
    match asked {
        None if available == MicroUsdc::ZERO => Err(Error::Empty),
        None => Ok(available),
        Some(asked) if asked > available => Err(Error::TooMuch { available, asked }),
        Some(asked) => Ok(asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_leaves_than_there_is() {
        let five = MicroUsdc(5);
        assert_eq!(amount(None, five).unwrap(), five);
        assert_eq!(amount(Some(five), five).unwrap(), five);
        assert!(matches!(amount(Some(MicroUsdc(6)), five), Err(Error::TooMuch { .. })));
        assert!(matches!(amount(None, MicroUsdc::ZERO), Err(Error::Empty)));
        let error = amount(Some(MicroUsdc(6_000_000)), five).unwrap_err();
        insta::assert_snapshot!(Failure::refused(&error).text(Style::plain()));
    }

    #[test]
    fn both_sides_are_told() {
        let withdrawn = Withdrawn {
            account: Address([1; 32]),
            withdrawn: MicroUsdc(1_500_000),
            balance: Some(Change { before: MicroUsdc(5_000_000), after: MicroUsdc(3_500_000) }),
            wallet: Some(Change { before: MicroUsdc::ZERO, after: MicroUsdc(1_500_000) }),
            transaction: "4xY".to_owned(),
        };
        insta::assert_snapshot!(withdrawn.human(Style::plain()));
        assert_eq!(withdrawn.next(), ["millrace balance show"]);
    }
}
