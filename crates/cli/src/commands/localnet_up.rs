use std::path::PathBuf;

use millrace_client::{Keypair, keys};
use millrace_localnet::{Localnet, Options, SlotMode};
use millrace_protocol::{Address, MicroUsdc};
use serde::Serialize;
use serde_json::Value;

use crate::args::LocalnetUp;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::settings::DEFAULT_RPC_URL;
use crate::signals::asked_to_stop;

/// SOL given with each funding: rent and fees of thousands of transactions.
const LAMPORTS: u64 = 10_000_000_000;

#[derive(Serialize)]
struct Up {
    rpc_url: String,
    ws_url: String,
    program: Address,
    usdc_mint: Address,
    admin: Address,
    admin_keypair: PathBuf,
    funded: Vec<Funding>,
}

/// What a wallet starts with.
#[derive(Serialize)]
struct Funding {
    wallet: Address,
    usdc: MicroUsdc,
    lamports: u64,
}

impl Report for Up {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let mut rows = vec![
            ("JSON-RPC", self.rpc_url.clone()),
            ("WebSocket", self.ws_url.clone()),
            ("program", self.program.to_string()),
            ("test USDC", self.usdc_mint.to_string()),
            ("admin", format!("{} ({})", self.admin, self.admin_keypair.display())),
        ];
        rows.extend(
            self.funded
                .iter()
                .map(|funding| ("funded", format!("{} with {} and 10 SOL", funding.wallet, funding.usdc))),
        );
        let lines: Vec<_> = rows.iter().map(|(name, value)| format!("{name:<11}{value}")).collect();
        format!(
            "{}\n{}",
            style.good("local network is up, Ctrl-C stops it and forgets everything on it"),
            lines.join("\n")
        )
    }

    fn next(&self) -> Vec<String> {
        let endpoint =
            if self.rpc_url == DEFAULT_RPC_URL { String::new() } else { format!("--rpc-url {} ", self.rpc_url) };
        vec![format!(
            "millrace {endpoint}--keypair {} network init --mint {} --scheduler <ADDRESS> --treasury <ADDRESS>",
            self.admin_keypair.display(),
            self.usdc_mint
        )]
    }
}

/// Runs a local network until it is asked to stop.
///
/// # Errors
/// A port that is taken, a network that does not start, a key file that cannot be written.
pub async fn run(context: &Context<'_>, args: LocalnetUp) -> Result<(), Failure> {
    let stop = asked_to_stop();
    let admin = admin_keypair();
    match keys::load(&args.admin_keypair) {
        Ok(found) if address(&found) == address(&admin) => {}
        Ok(_) => return Err(keys::KeyError::Exists { path: args.admin_keypair }.into()),
        Err(keys::KeyError::Missing { .. }) => keys::save(&args.admin_keypair, &admin)?,
        Err(error) => return Err(error.into()),
    }
    let options = Options {
        rpc_port: Some(args.rpc_port),
        ws_port: Some(args.ws_port),
        slot: SlotMode::Clock(args.slot),
        ..Options::default()
    };
    let localnet = Localnet::start(options).await?;
    localnet.faucet_sol(&address(&admin), LAMPORTS).await?;
    let mut funded = Vec::new();
    for (wallet, amount) in args.fund {
        localnet.faucet_sol(&wallet, LAMPORTS).await?;
        localnet.faucet(&wallet, amount).await?;
        funded.push(Funding { wallet, usdc: amount, lamports: LAMPORTS });
    }
    context.output.report(&Up {
        rpc_url: localnet.rpc_url(),
        ws_url: localnet.ws_url(),
        program: millrace_client::address::program(),
        usdc_mint: localnet.usdc_mint(),
        admin: address(&admin),
        admin_keypair: args.admin_keypair,
        funded,
    });
    stop.await;
    localnet.shutdown().await?;
    Ok(())
}

/// The key that may initialise the network on a localnet.
pub fn admin_keypair() -> Keypair {
    Keypair::try_from(Localnet::admin_key().as_slice()).expect("the localnet's own key is one")
}
