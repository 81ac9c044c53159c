use millrace_client::accounts::ProviderAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, MicroUsdc};
use serde::Serialize;
use serde_json::Value;

use crate::args::StakeProvider;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};

#[derive(Serialize)]
struct Staked {
    provider: Address,
    added: MicroUsdc,
    total: MicroUsdc,
    locked: MicroUsdc,
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
            self.total,
            self.locked,
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
    let account: ProviderAccount = client.fetch(provider).await?;
    context.output.report(&Staked {
        provider,
        added: args.amount,
        total: account.provider.stake.total,
        locked: account.provider.stake.locked,
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}
