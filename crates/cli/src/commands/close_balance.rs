use millrace_client::accounts::BuyerAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Buyer, Diagnostic, MicroUsdc};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;

/// What still needs the balance.
#[derive(Debug, Error)]
enum Error {
    #[error("{} of the balance may still give money back", views::counted(*.live as usize, "job"))]
    Jobs { live: u32 },
    #[error("{} may open jobs from the balance", views::counted(*.allowances as usize, "delegate"))]
    Delegates { allowances: u32 },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Jobs { .. } | Self::Delegates { .. } => "buyer-busy",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Jobs { .. } => "`millrace job list` tells which; wait for their end, or cancel them",
            Self::Delegates { .. } => {
                "`millrace delegate show` lists them, `millrace delegate revoke <DELEGATE>` ends each"
            }
        }
        .to_owned()
    }
}

#[derive(Serialize)]
struct Closed {
    account: Address,
    withdrawn: MicroUsdc,
    /// Gets the rent of the account and its vault back.
    rent_to: Address,
    transaction: String,
}

impl Report for Closed {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = output::rows([
            ("account", self.account.to_string()),
            ("withdrawn", self.withdrawn.to_string()),
            ("rent", format!("back to {}", self.rent_to)),
            ("transaction", self.transaction.clone()),
        ]);
        format!("{}\n{rows}", style.good("prepaid balance closed"))
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace balance deposit <USDC>  (opens another)".to_owned()]
    }
}

/// Takes out what is left of the wallet's prepaid balance and closes it, in one transaction.
///
/// # Errors
/// A balance with jobs or delegates, a wallet without one, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let client = context.client();
    let found: BuyerAccount = client.fetch(addresses::buyer(address(&owner))).await?;
    check(&found.buyer).map_err(|error| Failure::refused(&error))?;
    let withdrawn = found.buyer.balance;
    let mut transaction = match withdrawn {
        MicroUsdc::ZERO => Vec::new(),
        rest => instructions::withdraw_balance(&found, rest),
    };
    transaction.extend(instructions::close_buyer(&found));
    let receipt = context.send(&transaction, &owner).await?;
    context.output.report(&Closed {
        account: found.address,
        withdrawn,
        rent_to: found.rent_payer,
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

/// Whether the balance may go once it is empty; names what keeps it.
fn check(buyer: &Buyer) -> Result<(), Error> {
    match (buyer.jobs_live, buyer.allowances) {
        (0, 0) => Ok(()),
        (0, allowances) => Err(Error::Delegates { allowances }),
        (live, _) => Err(Error::Jobs { live }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_balance_that_nobody_needs_is_closed() {
        for (jobs_live, allowances) in [(0, 0), (1, 0), (0, 2), (3, 1)] {
            let buyer = Buyer { jobs_live, allowances, ..Buyer::default() };
            assert_eq!(check(&buyer).is_ok(), buyer.check_closable().is_ok(), "the chain's own rule");
        }
        let failure = |buyer| Failure::refused(&check(&buyer).unwrap_err()).text(Style::plain());
        insta::assert_snapshot!(failure(Buyer { jobs_live: 1, allowances: 1, ..Buyer::default() }));
        insta::assert_snapshot!(failure(Buyer { allowances: 2, ..Buyer::default() }));
    }

    #[test]
    fn the_rest_and_the_rent_are_told() {
        let closed = Closed {
            account: Address([1; 32]),
            withdrawn: MicroUsdc(1),
            rent_to: Address([2; 32]),
            transaction: "4xY".to_owned(),
        };
        insta::assert_snapshot!(closed.human(Style::plain()));
    }
}
