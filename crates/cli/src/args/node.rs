use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use millrace_protocol::{Address, PricePerGpuHour, ServiceLevel};

use super::{parse_mebibytes, parse_price, parse_version};

#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Put a rig on the market
    Add(AddNode),
    /// List a provider's rigs: hardware, prices, what is leased
    List(ListNodes),
    /// Change a rig's prices, service level or description
    Update(UpdateNode),
    /// Let a rig finish its leases and take no further one
    #[command(after_help = "Example:
  millrace node drain <NODE>")]
    Drain(NodeReference),
    /// Let a drained rig take leases again
    #[command(after_help = "Example:
  millrace node resume <NODE>")]
    Resume(NodeReference),
    /// Give a rig another key
    RotateKey(RotateNodeKey),
    /// Take a rig without leases off the market for good
    #[command(after_help = "Example:
  millrace node remove <NODE>

Its account's rent comes back to whoever paid it.")]
    Remove(NodeReference),
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

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace node list
  millrace node list --owner 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin")]
pub struct ListNodes {
    /// Wallet that registered the provider [default: your keypair's]
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<Address>,
}

#[derive(Debug, Args)]
pub struct NodeReference {
    /// Address of the node, as `node add` and `node list` print it
    #[arg(value_name = "NODE")]
    pub node: Address,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace node rotate-key <NODE> --node-key rig1-new.json

Leases under way go on. What the network attested of the hardware has to be attested anew.")]
pub struct RotateNodeKey {
    /// Address of the node, as `node add` and `node list` print it
    #[arg(value_name = "NODE")]
    pub node: Address,
    /// The new keypair; written if it does not exist
    #[arg(long, value_name = "PATH")]
    pub node_key: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace node update <NODE> --price 0.35
  millrace node update <NODE> --spot-price 0.20 --service-level silver
  millrace node update <NODE> --memory 256GiB --driver 575.51

What is not named stays. Prices count for further leases. Another description of hardware, driver \
or CUDA ends what the network attested of the rig; of hardware it has to wait for the rig's leases \
to end.")]
pub struct UpdateNode {
    /// Address of the node, as `node add` and `node list` print it
    #[arg(value_name = "NODE")]
    pub node: Address,
    /// USDC per GPU and hour; of the whole rig for one without GPUs
    #[arg(long, value_name = "USDC", value_parser = parse_price)]
    pub price: Option<PricePerGpuHour>,
    /// The same for leases that may be ended with notice; 0 takes none
    #[arg(long, value_name = "USDC", value_parser = parse_price)]
    pub spot_price: Option<PricePerGpuHour>,
    /// How much of the time the rig answers for with its bond: silver 99 %, gold 99.9 %
    #[arg(long, value_enum)]
    pub service_level: Option<ServiceLevelArg>,
    /// Driver version, such as `570.86`
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    pub driver: Option<u32>,
    /// CUDA version, such as `12.8`
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    pub cuda: Option<u32>,
    /// GPU model, such as `rtx-4090`
    #[arg(long, value_name = "MODEL")]
    pub gpu: Option<String>,
    /// Number of GPUs
    #[arg(long, value_name = "N")]
    pub gpus: Option<u16>,
    /// Memory of one GPU
    #[arg(long, value_name = "SIZE", value_parser = parse_mebibytes)]
    pub vram: Option<u32>,
    /// CPU cores
    #[arg(long, value_name = "N")]
    pub cpus: Option<u16>,
    /// Main memory
    #[arg(long, value_name = "SIZE", value_parser = parse_mebibytes)]
    pub memory: Option<u32>,
    /// Disk for containers and their data
    #[arg(long, value_name = "SIZE", value_parser = parse_mebibytes)]
    pub disk: Option<u32>,
    /// Where the rig stands, such as `europe-central`
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Two-letter country code
    #[arg(long, value_name = "CODE")]
    pub country: Option<String>,
}

impl UpdateNode {
    /// Whether nothing is named that is to change.
    pub fn is_empty(&self) -> bool {
        let numbers = [self.driver, self.cuda, self.vram, self.memory, self.disk].iter().all(Option::is_none);
        let counts = self.gpus.is_none() && self.cpus.is_none();
        let names = [&self.gpu, &self.region, &self.country].iter().all(|name| name.is_none());
        let prices = self.price.is_none() && self.spot_price.is_none() && self.service_level.is_none();
        numbers && counts && names && prices
    }
}
