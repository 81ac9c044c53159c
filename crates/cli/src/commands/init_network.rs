use std::time::Duration;

use millrace_client::accounts::ConfigAccount;
use millrace_client::address as addresses;
use millrace_client::instructions::{self, Foundation};
use millrace_protocol::gpu::TIERS;
use millrace_protocol::{Address, BasisPoints, Diagnostic, Parameters, Seconds};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::InitNetwork;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};

/// What `Parameters::check` accepts, in this command's flags.
const BOUNDS: &str = "`--fee-bps` is at most 1500, `--bond-hours` at most 720; `--start-timeout`, `--checkpoint` and \
                      `--settle-grace` are 5s to 1d";

/// Why there is nothing to initialise.
#[derive(Debug, Error)]
enum Error {
    #[error("this chain has its network already, with the scheduler {scheduler}")]
    Initialised { scheduler: Address },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Initialised { .. } => "already-exists",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Initialised { .. } => {
                "go on with `millrace orchestrator run --keypair <SCHEDULER'S KEY>`; a local network starts anew with \
                 `millrace localnet up`"
                    .to_owned()
            }
        }
    }
}

#[derive(Serialize)]
struct Founded {
    config: Address,
    admin: Address,
    scheduler: Address,
    arbiter: Address,
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
            ("arbiter", self.arbiter.to_string()),
            ("treasury", self.treasury.to_string()),
            ("mint", self.mint.to_string()),
            ("transaction", self.transaction.clone()),
        ];
        let lines = rows.map(|(name, value)| format!("{name:<13}{value}"));
        format!("{}\n{}", style.good("network initialised"), lines.join("\n"))
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace orchestrator run --keypair <SCHEDULER'S KEY>  (it pays for its transactions in SOL)".to_owned()]
    }
}

/// Founds a network.
///
/// # Errors
/// Parameters outside of their bounds, a key that is not the upgrade authority's, a network that
/// exists already, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: InitNetwork) -> Result<(), Failure> {
    let defaults = Parameters::default();
    let parameters = Parameters {
        fee: BasisPoints(args.fee_bps),
        bond_hours: args.bond_hours,
        minimum_bond: args.minimum_bond.map_or(defaults.minimum_bond, |bond| [bond; TIERS]),
        start_timeout: seconds(args.start_timeout),
        checkpoint_interval: seconds(args.checkpoint),
        settle_grace: seconds(args.settle_grace),
        ..defaults
    };
    parameters.check().map_err(|error| Failure::usage(&error).with_hint(BOUNDS))?;
    let admin = context.keypair()?;
    if let Some(network) = context.client().find::<ConfigAccount>(addresses::config()).await? {
        return Err(Failure::refused(&Error::Initialised { scheduler: network.scheduler }));
    }
    let (wallet, treasury) = (address(&admin), addresses::token_account(args.treasury, args.mint));
    let arbiter = args.arbiter.unwrap_or(wallet);
    let foundation =
        Foundation { admin: wallet, scheduler: args.scheduler, arbiter, treasury, mint: args.mint, parameters };
    let mut transaction =
        instructions::create_associated_token_account_idempotent(foundation.admin, args.treasury, args.mint);
    transaction.extend(instructions::initialize(foundation));
    let receipt = context.send(&transaction, &admin).await.map_err(|failure| advise(failure, args.mint))?;
    context.output.report(&Founded {
        config: addresses::config(),
        admin: foundation.admin,
        scheduler: foundation.scheduler,
        arbiter,
        treasury,
        mint: args.mint,
        parameters,
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

/// The two refusals that a first run meets, told by what to do about them here.
fn advise(failure: Failure, mint: Address) -> Failure {
    match failure.code.as_ref() {
        "not-upgrade-authority" => failure.with_hint(
            "sign with the key that deployed the program; on a local network add `--keypair .localnet/admin.json`",
        ),
        "transaction-refused" => failure.with_hint(format!(
            "check that `--mint {mint}` is the mint of USDC: `millrace localnet up` prints its own"
        )),
        _ => failure,
    }
}

fn seconds(duration: Duration) -> Seconds {
    Seconds(duration.as_secs())
}
