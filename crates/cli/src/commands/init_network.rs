use std::time::Duration;

use millrace_client::address as addresses;
use millrace_client::instructions::{self, Foundation};
use millrace_protocol::{Address, BasisPoints, Parameters, Seconds};
use serde::Serialize;
use serde_json::Value;

use crate::args::InitNetwork;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};

#[derive(Serialize)]
struct Founded {
    config: Address,
    admin: Address,
    scheduler: Address,
    treasury: Address,
    mint: Address,
    parameters: Parameters,
    transaction: String,
}

impl Report for Founded {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = [
            ("config", self.config.to_string()),
            ("admin", self.admin.to_string()),
            ("scheduler", self.scheduler.to_string()),
            ("treasury", self.treasury.to_string()),
            ("mint", self.mint.to_string()),
            ("transaction", self.transaction.clone()),
        ];
        let lines = rows.map(|(name, value)| format!("{name:<13}{value}"));
        format!("{}\n{}", style.good("network initialised"), lines.join("\n"))
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace orchestrator run --keypair <SCHEDULER'S KEY>".to_owned()]
    }
}

/// Founds a network.
///
/// # Errors
/// Parameters outside of their bounds, a key that is not the upgrade authority's, a network that
/// exists already, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: InitNetwork) -> Result<(), Failure> {
    let parameters = Parameters {
        fee: BasisPoints(args.fee_bps),
        bond_hours: args.bond_hours,
        minimum_bond: args.minimum_bond,
        start_timeout: seconds(args.start_timeout),
        checkpoint_interval: seconds(args.checkpoint),
        settle_grace: seconds(args.settle_grace),
        ..Parameters::default()
    };
    parameters.check()?;
    let admin = context.keypair()?;
    let treasury = addresses::token_account(args.treasury, args.mint);
    let foundation =
        Foundation { admin: address(&admin), scheduler: args.scheduler, treasury, mint: args.mint, parameters };
    let mut transaction =
        instructions::create_associated_token_account_idempotent(foundation.admin, args.treasury, args.mint);
    transaction.extend(instructions::initialize(foundation));
    let receipt = context.send(&transaction, &admin).await?;
    context.output.report(&Founded {
        config: addresses::config(),
        admin: foundation.admin,
        scheduler: foundation.scheduler,
        treasury,
        mint: args.mint,
        parameters,
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

fn seconds(duration: Duration) -> Seconds {
    Seconds(duration.as_secs())
}
