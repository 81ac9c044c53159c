use millrace_client::accounts::ProviderAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Diagnostic, Error as Rule, MicroUsdc};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::ShowProvider;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::change::{Change, read_back};

/// Why nothing is swept.
#[derive(Debug, Error)]
#[error("the network's share of the provider's payments was swept already, or nothing was paid yet")]
struct Nothing;

impl Diagnostic for Nothing {
    fn code(&self) -> &'static str {
        "nothing-to-sweep"
    }

    fn hint(&self) -> String {
        "`millrace provider show` tells the fees that wait".to_owned()
    }
}

#[derive(Serialize)]
struct Swept {
    provider: Address,
    swept: MicroUsdc,
    /// A token account.
    treasury: Address,
    /// None where it could not be read back.
    treasury_balance: Option<Change<MicroUsdc>>,
    transaction: String,
}

impl Report for Swept {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = output::rows([
            ("treasury", self.treasury.to_string()),
            ("it holds", read_back(self.treasury_balance)),
            ("transaction", self.transaction.clone()),
        ]);
        format!("{}\n{rows}", style.good(&format!("{} of fees swept to the treasury", self.swept)))
    }

    fn next(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Brings the network's share of a provider's payments to the treasury. Anyone may.
///
/// # Errors
/// No fees to sweep, a wallet that is no provider, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: ShowProvider) -> Result<(), Failure> {
    let payer = context.keypair()?;
    let owner = args.owner.unwrap_or_else(|| address(&payer));
    let client = context.client();
    let network = client.config().await?;
    let account: ProviderAccount = client.fetch(addresses::provider(owner)).await?;
    // The chain's own rule, so that a hopeless transaction is not paid for.
    let swept = { account.provider.earnings }.sweep().map_err(|error| match error {
        Rule::AmountZero => Failure::refused(&Nothing),
        other => other.into(),
    })?;
    let treasury = network.treasury;
    let before = client.token_balance(treasury).await?;
    let receipt = context.send(&instructions::sweep_fees(account.address, treasury), &payer).await?;
    let after = client.token_balance(treasury).await.ok();
    context.output.report(&Swept {
        provider: account.address,
        swept,
        treasury,
        treasury_balance: after.map(|after| Change { before, after }),
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_treasury_is_told_before_and_after() {
        let swept = Swept {
            provider: Address([1; 32]),
            swept: MicroUsdc(3_000),
            treasury: Address([2; 32]),
            treasury_balance: Some(Change { before: MicroUsdc::ZERO, after: MicroUsdc(3_000) }),
            transaction: "4xY".to_owned(),
        };
        insta::assert_snapshot!(swept.human(Style::plain()));
        insta::assert_snapshot!(Failure::refused(&Nothing).text(Style::plain()));
    }
}
