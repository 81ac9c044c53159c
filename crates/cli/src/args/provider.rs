use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use millrace_protocol::{Address, MicroUsdc, PricePerGpuHour, ServiceLevel};

use super::{parse_display_name, parse_mebibytes, parse_price, parse_usdc, parse_version};

#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Register your keypair as a provider's owner
    Register(RegisterProvider),
    /// Add stake: it backs the bonds of leases on your nodes
    Stake(StakeProvider),
    /// Show a provider's stake, locked bonds and earnings
    Show(ShowProvider),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace provider register --name \"Basement rigs\"")]
pub struct RegisterProvider {
    /// Name shown to buyers, up to 32 bytes
    #[arg(long, value_name = "NAME", value_parser = parse_display_name)]
    pub name: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace provider stake 250")]
pub struct StakeProvider {
    /// Amount in USDC, from your keypair's USDC account
    #[arg(value_name = "USDC", allow_negative_numbers = true, value_parser = parse_usdc)]
    pub amount: MicroUsdc,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace provider show
  millrace provider show --owner 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin")]
pub struct ShowProvider {
    /// Wallet that registered it [default: your keypair's]
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<Address>,
}

#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Put a rig on the market
    Add(AddNode),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace node add --node-key rig1.json --gpu rtx-4090 --gpus 2 --vram 24GiB --cpus 32 \\
      --memory 128GiB --disk 2000GiB --region europe-central --country DE --price 0.40
  millrace node add --node-key rig2.json --cpus 16 --memory 64GiB --disk 500GiB \\
      --region north-america-east --country US --price 0.05")]
pub struct AddNode {
    /// The rig's own keypair; written if it does not exist
    #[arg(long, value_name = "PATH")]
    pub node_key: PathBuf,
    /// GPU model, such as `rtx-4090`; leave out for a rig without
    #[arg(long, value_name = "MODEL", requires_all = ["gpus", "vram"])]
    pub gpu: Option<String>,
    /// Number of GPUs
    #[arg(long, value_name = "N", requires = "gpu")]
    pub gpus: Option<u16>,
    /// Memory of one GPU
    #[arg(long, value_name = "SIZE", requires = "gpu", value_parser = parse_mebibytes)]
    pub vram: Option<u32>,
    /// CPU cores
    #[arg(long, value_name = "N")]
    pub cpus: u16,
    /// Main memory
    #[arg(long, value_name = "SIZE", value_parser = parse_mebibytes)]
    pub memory: u32,
    /// Disk for containers and their data
    #[arg(long, value_name = "SIZE", value_parser = parse_mebibytes)]
    pub disk: u32,
    /// Where the rig stands, such as `europe-central`
    #[arg(long, value_name = "REGION")]
    pub region: String,
    /// Two-letter country code
    #[arg(long, value_name = "CODE")]
    pub country: String,
    /// USDC per GPU and hour; of the whole rig for one without GPUs
    #[arg(long, value_name = "USDC", value_parser = parse_price)]
    pub price: PricePerGpuHour,
    /// The same for leases that may be ended with notice [default: takes none]
    #[arg(long, value_name = "USDC", value_parser = parse_price)]
    pub spot_price: Option<PricePerGpuHour>,
    /// How much of the time the rig answers for with its bond: silver 99 %, gold 99.9 %
    #[arg(long, value_enum, default_value_t)]
    pub service_level: ServiceLevelArg,
    /// Driver version, such as `570.86`
    #[arg(long, value_name = "VERSION", default_value = "0", value_parser = parse_version, hide_default_value = true)]
    pub driver: u32,
    /// CUDA version, such as `12.8`
    #[arg(long, value_name = "VERSION", default_value = "0", value_parser = parse_version, hide_default_value = true)]
    pub cuda: u32,
    /// The GPUs do not exist: for demonstrations and tests
    #[arg(long)]
    pub simulated: bool,
}

/// The levels a node may answer for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ServiceLevelArg {
    #[default]
    None,
    Silver,
    Gold,
}

impl From<ServiceLevelArg> for ServiceLevel {
    fn from(argument: ServiceLevelArg) -> Self {
        match argument {
            ServiceLevelArg::None => Self::None,
            ServiceLevelArg::Silver => Self::Silver,
            ServiceLevelArg::Gold => Self::Gold,
        }
    }
}
