use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use millrace_protocol::gpu::TIERS;
use millrace_protocol::{Address, BasisPoints, MicroUsdc, Seconds};

use super::{parse_basis_points, parse_duration, parse_seconds, parse_usdc};

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
    /// Show who runs the network, and its parameters
    #[command(after_help = "Example:
  millrace network show")]
    Show,
    /// Change parameters; leases keep those they were opened under. The admin only
    Change(ChangeParameters),
    /// Name another scheduler, arbiter or treasury. The admin only
    Replace(ReplaceRole),
    /// Take no new jobs for now; everything under way goes on. The admin only
    #[command(after_help = "Example:
  millrace network pause")]
    Pause,
    /// Take new jobs again. The admin only
    #[command(after_help = "Example:
  millrace network resume")]
    Resume,
    /// Propose who becomes the admin, or take that back. The admin only
    HandOver(HandOver),
    /// Become the admin, as proposed. The proposed key only
    #[command(after_help = "Example:
  millrace network take-over --keypair next-admin.json")]
    TakeOver,
}

fn parse_bonds(text: &str) -> Result<[MicroUsdc; TIERS], String> {
    each_tier(text, parse_usdc)
}

fn parse_shares(text: &str) -> Result<[BasisPoints; TIERS], String> {
    each_tier(text, parse_basis_points)
}

/// One value for each tier, with commas between them.
fn each_tier<T>(text: &str, parse: fn(&str) -> Result<T, String>) -> Result<[T; TIERS], String> {
    let values = text.split(',').map(parse).collect::<Result<Vec<_>, _>>()?;
    values.try_into().map_err(|_| format!("write {TIERS} of them, with commas between"))
}

#[derive(Debug, Default, Args)]
#[group(required = true, multiple = true)]
#[command(after_help = "Examples:
  millrace network change --fee-bps 400
  millrace network change --start-timeout 10m --unbonding 21d")]
pub struct ChangeParameters {
    /// The network's share of each payment, in hundredths of a percent
    #[arg(long, value_name = "BPS", value_parser = parse_basis_points)]
    pub fee_bps: Option<BasisPoints>,
    /// A lease's bond covers this many hours at its price
    #[arg(long, value_name = "HOURS")]
    pub bond_hours: Option<u16>,
    /// Least bond of a lease: without a GPU, consumer's, workstation, datacentre
    #[arg(long, value_name = "USDC,USDC,USDC,USDC", value_parser = parse_bonds)]
    pub minimum_bond: Option<[MicroUsdc; TIERS]>,
    /// Least reputation that may take a lease: without a GPU, consumer's, workstation, datacentre
    #[arg(long, value_name = "BPS,BPS,BPS,BPS", value_parser = parse_shares)]
    pub minimum_reputation: Option<[BasisPoints; TIERS]>,
    /// Below this reputation anyone may delist a provider
    #[arg(long, value_name = "BPS", value_parser = parse_basis_points)]
    pub delist_floor: Option<BasisPoints>,
    /// From lease to first voucher
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub start_timeout: Option<Seconds>,
    /// Longest silence of a running lease on chain
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub checkpoint: Option<Seconds>,
    /// How long a node may hold a lease without a voucher
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub hold_limit: Option<Seconds>,
    /// From the end of a lease, or a cancel, until anyone may settle it
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub settle_grace: Option<Seconds>,
    /// From the notice to a spot lease until it ends
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub preemption_notice: Option<Seconds>,
    /// Share of the bond lost by a node that never starts
    #[arg(long, value_name = "BPS", value_parser = parse_basis_points)]
    pub abandon_penalty: Option<BasisPoints>,
    /// Share of the bond lost by a node that falls silent
    #[arg(long, value_name = "BPS", value_parser = parse_basis_points)]
    pub lost_penalty: Option<BasisPoints>,
    /// A challenger's bond, as a share of the lease's cost
    #[arg(long, value_name = "BPS", value_parser = parse_basis_points)]
    pub dispute_bond: Option<BasisPoints>,
    /// Least bond of a challenger
    #[arg(long, value_name = "USDC", value_parser = parse_usdc)]
    pub minimum_dispute_bond: Option<MicroUsdc>,
    /// How long the arbiter may take
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub decide_window: Option<Seconds>,
    /// From the last commitment of a quorum until everyone must have revealed
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub reveal_window: Option<Seconds>,
    /// From asking for stake back until it may leave
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub unbonding: Option<Seconds>,
    /// From naming another payout wallet until it counts
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub payout_delay: Option<Seconds>,
}

/// A role that the admin gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Opens leases and signs vouchers; leases under way keep the one they have
    Scheduler,
    /// Decides disputes, also those that are open
    Arbiter,
    /// The wallet whose USDC account fees are swept to
    Treasury,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace network replace arbiter 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin
  millrace network replace treasury 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin")]
pub struct ReplaceRole {
    #[arg(value_name = "ROLE")]
    pub role: RoleArg,
    /// Who has it from now on
    #[arg(value_name = "ADDRESS")]
    pub address: Address,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace network hand-over 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin
  millrace network hand-over --withdraw")]
pub struct HandOver {
    /// Becomes the admin once it runs `network take-over`
    #[arg(value_name = "ADDRESS", required_unless_present = "withdraw")]
    pub next: Option<Address>,
    /// Propose nobody any more
    #[arg(long, conflicts_with = "next")]
    pub withdraw: bool,
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
