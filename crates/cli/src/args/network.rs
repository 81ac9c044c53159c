use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use millrace_protocol::{Address, MicroUsdc};

use super::{parse_duration, parse_usdc};

#[derive(Debug, Subcommand)]
pub enum LocalnetCommand {
    /// Start a local Solana network and keep it running until Ctrl-C
    Up(LocalnetUp),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace localnet up
  millrace localnet up --fund 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin=1000
  millrace localnet up --rpc-port 0 --ws-port 0 --json")]
pub struct LocalnetUp {
    /// Port of JSON-RPC; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8899)]
    pub rpc_port: u16,
    /// Port of the WebSocket; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8900)]
    pub ws_port: u16,
    /// Length of a slot
    #[arg(long, value_name = "DURATION", default_value = "400ms", value_parser = parse_duration)]
    pub slot: Duration,
    /// Give a wallet test USDC and SOL for fees; may be repeated
    #[arg(long, value_name = "ADDRESS=USDC", value_parser = parse_funding)]
    pub fund: Vec<(Address, MicroUsdc)>,
    /// Where to write the admin's keypair, which `network init` needs
    #[arg(long, value_name = "PATH", default_value = ".localnet/admin.json")]
    pub admin_keypair: PathBuf,
}

fn parse_funding(text: &str) -> Result<(Address, MicroUsdc), String> {
    let (address, amount) = text.split_once('=').ok_or("write it like `ADDRESS=1000`")?;
    Ok((address.parse().map_err(|error| format!("`{address}`: {error}"))?, parse_usdc(amount)?))
}

#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// Initialise the program on a chain: roles, mint, parameters. Signed by its upgrade authority
    Init(InitNetwork),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace network init --keypair .localnet/admin.json --mint <MINT> \\
      --scheduler <ORCHESTRATOR'S ADDRESS> --treasury <TREASURY'S ADDRESS>")]
pub struct InitNetwork {
    /// Mint of USDC on this chain
    #[arg(long, value_name = "ADDRESS")]
    pub mint: Address,
    /// The orchestrator's key: opens leases, signs vouchers
    #[arg(long, value_name = "ADDRESS")]
    pub scheduler: Address,
    /// Decides disputes [default: the upgrade authority]
    #[arg(long, value_name = "ADDRESS")]
    pub arbiter: Option<Address>,
    /// Wallet whose USDC account receives the fees
    #[arg(long, value_name = "ADDRESS")]
    pub treasury: Address,
    /// The network's share of each payment, in hundredths of a percent
    #[arg(long, value_name = "BPS", default_value_t = 500)]
    pub fee_bps: u16,
    /// A lease's bond covers this many hours at its price
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    pub bond_hours: u16,
    /// Least bond of a lease [default: 1 without a GPU or with a consumer's, 2 workstation, 5 datacentre]
    #[arg(long, value_name = "USDC", value_parser = parse_usdc)]
    pub minimum_bond: Option<MicroUsdc>,
    /// From lease to first voucher
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub start_timeout: Duration,
    /// Longest silence of a running lease on chain
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = parse_duration)]
    pub checkpoint: Duration,
    /// From the end of a lease, or a cancel, until anyone may settle it
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub settle_grace: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace demo
  millrace demo --dir /tmp/millrace-demo

Needs Docker and the image `millrace/povray:1` (`./dev demo` builds it). Three workers run on this
machine; their GPUs are simulated, the containers, the chain's rules and the money are not.")]
pub struct DemoNetwork {
    /// Fresh folder for keys, logs and frames [default: .demo/<unix time>]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Job file to send
    #[arg(long, value_name = "FILE", default_value = "examples/render/job.toml")]
    pub job: PathBuf,
}
