use millrace_client::accounts::ProviderAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, MicroUsdc};
use serde::Serialize;
use serde_json::Value;

use crate::args::StakeProvider;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::change::read_back;

#[derive(Serialize)]
struct Staked {
    provider: Address,
    added: MicroUsdc,
    /// None where it could not be read back, as with `locked`.
    total: Option<MicroUsdc>,
    locked: Option<MicroUsdc>,
    transaction: String,
}

impl Report for Staked {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        format!(
            "{}\ntotal        {:>20}\nlocked       {:>20}\ntransaction  {}",
            style.good(&format!("staked {}", self.added)),
            read_back(self.total),
            read_back(self.locked),
            self.transaction
        )
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace node add --help  (put a rig on the market)".to_owned()]
    }
}

/// Adds stake.
///
/// # Errors
/// A wallet without the amount, an owner that is no provider, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: StakeProvider) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let provider = addresses::provider(wallet);
    let client = context.client();
    let network = client.config().await?;
    client.fetch::<ProviderAccount>(provider).await?;
    client.require_usdc(wallet, network.mint, args.amount).await?;
    let receipt = context.send(&instructions::add_stake(wallet, network.mint, args.amount), &owner).await?;
    let stake = client.fetch::<ProviderAccount>(provider).await.ok().map(|account| account.provider.stake);
    context.output.report(&Staked {
        provider,
        added: args.amount,
        total: stake.map(|stake| stake.total),
        locked: stake.map(|stake| stake.locked),
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}
