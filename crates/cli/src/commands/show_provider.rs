use millrace_client::accounts::ProviderAccount;
use millrace_client::address as addresses;
use millrace_protocol::{Address, MicroUsdc};
use serde::Serialize;
use serde_json::Value;

use crate::args::ShowProvider;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};

#[derive(Serialize)]
struct Shown {
    provider: Address,
    owner: Address,
    name: String,
    nodes: u32,
    stake: MicroUsdc,
    /// The part of the stake that backs live leases.
    locked: MicroUsdc,
    /// All stake ever taken as a penalty.
    slashed: MicroUsdc,
    /// The owner's part of what leases earned; it lies in the provider's vault.
    earned: MicroUsdc,
    /// The network's part.
    fees: MicroUsdc,
}

impl Report for Shown {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let amounts = [
            ("stake", self.stake),
            ("locked", self.locked),
            ("slashed", self.slashed),
            ("earned", self.earned),
            ("fees", self.fees),
        ];
        let lines = amounts.map(|(name, amount)| format!("{name:<10}{:>20}", amount.to_string()));
        format!(
            "{}\nprovider  {}\nowner     {}\nnodes     {}\n\n{}",
            style.strong(&self.name),
            self.provider,
            self.owner,
            self.nodes,
            lines.join("\n")
        )
    }

    fn next(&self) -> Vec<String> {
        let next = match (self.stake, self.nodes) {
            (MicroUsdc::ZERO, _) => "millrace provider stake <USDC>  (no lease comes without stake behind it)",
            (_, 0) => "millrace node add --help  (put a rig on the market)",
            _ => return Vec::new(),
        };
        vec![next.to_owned()]
    }
}

/// Shows a provider as the chain has it.
///
/// # Errors
/// A wallet that is no provider, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: ShowProvider) -> Result<(), Failure> {
    let owner = match args.owner {
        Some(owner) => owner,
        None => address(&*context.keypair()?),
    };
    let found: ProviderAccount = context.client().fetch(addresses::provider(owner)).await?;
    context.output.report(&Shown {
        provider: found.address,
        owner,
        name: found.display_name,
        nodes: found.n_nodes,
        stake: found.stake.total,
        locked: found.stake.locked,
        slashed: found.slashed,
        earned: found.earnings.owner,
        fees: found.earnings.fees,
    });
    Ok(())
}
