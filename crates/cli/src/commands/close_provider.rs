use millrace_client::accounts::ProviderAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Diagnostic, MicroUsdc, Provider};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;

/// What still depends on the provider.
#[derive(Debug, Error)]
enum Error {
    #[error("the provider has {}", views::counted(*.nodes as usize, "node"))]
    Nodes { nodes: u32 },
    #[error("the provider has {stake} of stake")]
    Stake { stake: MicroUsdc },
    #[error("{earned} of earnings and {fees} of fees lie in the provider's vault")]
    Earnings { earned: MicroUsdc, fees: MicroUsdc },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Nodes { .. } | Self::Stake { .. } | Self::Earnings { .. } => "provider-busy",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Nodes { .. } => "`millrace node list` names them, `millrace node remove <NODE>` removes each",
            Self::Stake { .. } => {
                "`millrace provider unstake <USDC>` asks for it back, `millrace provider withdraw` takes it out"
            }
            Self::Earnings { .. } => "`millrace provider withdraw` and `millrace provider sweep` take them out",
        }
        .to_owned()
    }
}

#[derive(Serialize)]
struct Closed {
    provider: Address,
    /// Gets the rent of the account and its vaults back.
    rent_to: Address,
    transaction: String,
}

impl Report for Closed {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = output::rows([
            ("provider", self.provider.to_string()),
            ("rent", format!("back to {}", self.rent_to)),
            ("transaction", self.transaction.clone()),
        ]);
        format!("{}\n{rows}", style.good("provider closed"))
    }

    fn next(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Closes a provider that nothing depends on.
///
/// # Errors
/// A provider with nodes, stake or earnings, a wallet that is none, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let client = context.client();
    let network = client.config().await?;
    let found: ProviderAccount = client.fetch(addresses::provider(address(&owner))).await?;
    check(&found.provider).map_err(|error| Failure::refused(&error))?;
    let receipt = context.send(&instructions::close_provider(&found, network.mint), &owner).await?;
    context.output.report(&Closed {
        provider: found.address,
        rent_to: found.rent_payer,
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

/// The chain's own rule, with what breaks it.
fn check(provider: &Provider) -> Result<(), Error> {
    let (stake, earnings) = (provider.stake.total, provider.earnings);
    match (provider.nodes, stake, earnings.owner, earnings.fees) {
        (0, MicroUsdc::ZERO, MicroUsdc::ZERO, MicroUsdc::ZERO) => Ok(()),
        (0, MicroUsdc::ZERO, earned, fees) => Err(Error::Earnings { earned, fees }),
        (0, stake, ..) => Err(Error::Stake { stake }),
        (nodes, ..) => Err(Error::Nodes { nodes }),
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::{Earnings, Stake};

    use super::*;

    #[test]
    fn whatever_keeps_a_provider_is_named() {
        let idle = Provider::default();
        let staked = Provider { stake: Stake { total: MicroUsdc(5), ..Stake::default() }, ..idle };
        let earned = |owner, fees| Earnings { owner: MicroUsdc(owner), fees: MicroUsdc(fees), ..Earnings::default() };
        let owed = Provider { earnings: earned(1, 0), ..idle };
        let unswept = Provider { earnings: earned(0, 1), ..idle };
        for provider in [idle, Provider { nodes: 1, ..idle }, staked, owed, unswept] {
            assert_eq!(check(&provider).is_ok(), provider.check_may_close().is_ok(), "{provider:?}");
        }
        let text = |provider| Failure::refused(&check(&provider).unwrap_err()).text(Style::plain());
        insta::assert_snapshot!([Provider { nodes: 2, ..staked }, staked, owed].map(text).join("\n"));
    }

    #[test]
    fn the_rent_is_told() {
        let closed = Closed { provider: Address([1; 32]), rent_to: Address([2; 32]), transaction: "4xY".to_owned() };
        insta::assert_snapshot!(closed.human(Style::plain()));
    }
}
