use millrace_client::accounts::ProviderAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Diagnostic, ProviderStatus};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::{ProviderStatusArg, SetProviderStatus};
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;
use crate::views::change::Change;

/// Why the owner's wish does not count.
#[derive(Debug, Error)]
#[error("the provider is delisted: its reputation fell below the network's floor")]
struct Delisted;

impl Diagnostic for Delisted {
    fn code(&self) -> &'static str {
        "provider-not-active"
    }

    fn hint(&self) -> String {
        "time raises it again, and anyone can then list the provider; `millrace provider show` tells the score"
            .to_owned()
    }
}

#[derive(Serialize)]
struct Set {
    provider: Address,
    nodes: u32,
    status: Change<ProviderStatus>,
    transaction: Option<String>,
}

impl Report for Set {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let headline = match self.status.after {
            ProviderStatus::Active => "the provider's nodes may take leases",
            _ => "the provider's nodes take no further lease; those under way go on",
        };
        let Change { before, after } = self.status;
        let status = Change { before: views::status::provider(before), after: views::status::provider(after) };
        let rows = output::rows([
            ("provider", self.provider.to_string()),
            ("status", status.to_string()),
            ("nodes", self.nodes.to_string()),
            ("transaction", views::transaction(self.transaction.as_ref())),
        ]);
        format!("{}\n{rows}", style.good(headline))
    }

    fn next(&self) -> Vec<String> {
        match self.status.after {
            ProviderStatus::Active => vec!["millrace node list  (one may be draining by itself)".to_owned()],
            _ => vec!["millrace provider status active  (puts them back on the market)".to_owned()],
        }
    }
}

/// Takes all of a provider's nodes off the market, or puts them back.
///
/// # Errors
/// A provider that is delisted or would be, a wallet that is no provider, an RPC endpoint that cannot be
/// reached.
pub async fn run(context: &Context<'_>, args: SetProviderStatus) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let client = context.client();
    let network = client.config().await?;
    let found: ProviderAccount = client.fetch(addresses::provider(wallet)).await?;
    let before = found.provider.status;
    if before == ProviderStatus::Delisted {
        return Err(Failure::refused(&Delisted));
    }
    // The chain's own rule, so that a hopeless transaction is not paid for.
    let mut provider = found.provider;
    match args.status {
        ProviderStatusArg::Draining => provider.drain(),
        ProviderStatusArg::Active => provider.resume(network.parameters.delist_floor, client.chain_clock().await?),
    }?;
    let mut transaction = None;
    if provider.status != before {
        let draining = args.status == ProviderStatusArg::Draining;
        let receipt = context.send(&instructions::set_provider_status(wallet, draining), &owner).await?;
        transaction = Some(receipt.signature.to_string());
    }
    let status = Change { before, after: provider.status };
    context.output.report(&Set { provider: found.address, nodes: found.provider.nodes, status, transaction });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_nodes_do_now_is_told() {
        let mut set = Set {
            provider: Address([1; 32]),
            nodes: 3,
            status: Change { before: ProviderStatus::Active, after: ProviderStatus::Draining },
            transaction: Some("4xY".to_owned()),
        };
        insta::assert_snapshot!(set.human(Style::plain()));
        set.status.before = ProviderStatus::Draining;
        set.transaction = None;
        insta::assert_snapshot!(set.human(Style::plain()));
        insta::assert_snapshot!(Failure::refused(&Delisted).text(Style::plain()));
    }
}
