use millrace_client::accounts::ProviderAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Diagnostic};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::RegisterProvider;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};

/// Why there is nothing to register.
#[derive(Debug, Error)]
enum Error {
    #[error("{owner} is registered as `{name}` already")]
    Registered { owner: Address, name: String },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "already-exists",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Registered { .. } => {
                "one wallet is one provider: go on with `millrace provider stake <USDC>` or `millrace node add`"
                    .to_owned()
            }
        }
    }
}

#[derive(Serialize)]
struct Registered {
    provider: Address,
    owner: Address,
    name: String,
    transaction: String,
}

impl Report for Registered {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        format!(
            "{}\nprovider     {}\nowner        {}\ntransaction  {}",
            style.good(&format!("registered `{}`", self.name)),
            self.provider,
            self.owner,
            self.transaction
        )
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace provider stake <USDC>  (stake backs the bonds of your nodes' leases)".to_owned()]
    }
}

/// Registers a provider.
///
/// # Errors
/// A name that is too long, an owner that is registered already, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: RegisterProvider) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let network = context.network().await?;
    let wallet = address(&owner);
    if let Some(found) = context.client().find::<ProviderAccount>(addresses::provider(wallet)).await? {
        return Err(Failure::refused(&Error::Registered { owner: wallet, name: found.display_name }));
    }
    let receipt = context.send(&instructions::register_provider(wallet, network.mint, &args.name), &owner).await?;
    context.output.report(&Registered {
        provider: addresses::provider(wallet),
        owner: wallet,
        name: args.name,
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}
