use std::path::PathBuf;

use millrace_client::accounts::{NodeAccount, ProviderAccount};
use millrace_client::instructions::{self, NewNode, Software};
use millrace_client::{Sender, address as addresses, keys};
use millrace_protocol::{Address, Diagnostic, Hardware, PricePerGpuHour, ServiceLevel, gpu, region};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::AddNode;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;

/// Why a rig's description is none.
#[derive(Debug, Error)]
enum Error {
    #[error("no GPU model is called `{0}`")]
    UnknownGpu(String),
    #[error("no region is called `{0}`")]
    UnknownRegion(String),
    #[error("`{0}` is not a two-letter country code")]
    NotACountry(String),
    #[error("the key `{}` is the node {node}'s already", path.display())]
    KeyTaken { path: PathBuf, node: Address },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownGpu(_) => "gpu-unknown",
            Self::UnknownRegion(_) => "region-unknown",
            Self::NotACountry(_) => "country-malformed",
            Self::KeyTaken { .. } => "already-exists",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::UnknownGpu(_) => format!("known models: {}", gpu::CLASSES[1..].join(", ")),
            Self::UnknownRegion(_) => format!("known regions: {}", region::REGIONS.join(", ")),
            Self::NotACountry(_) => "write it like `DE` or `US` (ISO 3166-1)".to_owned(),
            Self::KeyTaken { path, .. } => format!(
                "run its worker with `millrace worker run --node-key {}`, or name a new file for another rig",
                path.display()
            ),
        }
    }
}

#[derive(Serialize)]
struct Added {
    node: Address,
    node_key: Address,
    node_key_path: PathBuf,
    provider: Address,
    hardware: Hardware,
    price: PricePerGpuHour,
    /// Zero takes no spot leases.
    spot_price: PricePerGpuHour,
    service_level: ServiceLevel,
    transaction: String,
}

impl Report for Added {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        format!(
            "{}\nnode         {}\nnode key     {} ({})\nhardware     {}\nprice        {}\ntransaction  {}",
            style.good("node is on the market"),
            self.node,
            self.node_key,
            self.node_key_path.display(),
            views::node::hardware(&self.hardware),
            views::node::prices(self.price, self.spot_price, self.service_level),
            self.transaction
        )
    }

    fn next(&self) -> Vec<String> {
        let mut command = format!("millrace worker run --node-key {}", self.node_key_path.display());
        let model = gpu::slug(self.hardware.gpu_class).filter(|_| self.hardware.simulated);
        for model in model.iter().cycle().take(usize::from(self.hardware.gpu_count)) {
            command.push_str(&format!(" --simulated-gpu {model}:{}", self.hardware.vram_mib));
        }
        vec![format!("{command}  (on the rig itself)")]
    }
}

/// Puts a rig on the market.
///
/// # Errors
/// A model, region or country that does not exist, hardware that contradicts itself, an owner that is
/// no provider, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: AddNode) -> Result<(), Failure> {
    let hardware = hardware(&args).map_err(|error| Failure::usage(&error))?;
    hardware.check()?;
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let provider = addresses::provider(wallet);
    let client = context.client();
    let account: ProviderAccount = client.fetch(provider).await?;
    let node_key = keys::load_or_create(&args.node_key)?;
    let taken = client.fetch_all::<NodeAccount>().await?.into_iter().find(|node| node.node_key == address(&node_key));
    if let Some(NodeAccount { address: node, .. }) = taken {
        return Err(Failure::refused(&Error::KeyTaken { path: args.node_key, node }));
    }
    let node = NewNode {
        owner: wallet,
        index: account.nodes_added,
        node_key: address(&node_key),
        hardware,
        software: Software { driver: args.driver, cuda: args.cuda, capabilities: 0 },
        price: args.price,
        spot_price: args.spot_price.unwrap_or_default(),
        service_level: args.service_level.into(),
    };
    let receipt = Sender::new(client, owner).send(&instructions::add_node(node), &[&node_key]).await?;
    context.output.report(&Added {
        node: addresses::node(provider, node.index),
        node_key: node.node_key,
        node_key_path: args.node_key,
        provider,
        hardware,
        price: args.price,
        spot_price: node.spot_price,
        service_level: node.service_level,
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

fn hardware(args: &AddNode) -> Result<Hardware, Error> {
    let gpu_class = match &args.gpu {
        Some(model) => gpu::class(model).filter(|class| *class != 0).ok_or_else(|| Error::UnknownGpu(model.clone()))?,
        None => 0,
    };
    let region = region::region(&args.region).ok_or_else(|| Error::UnknownRegion(args.region.clone()))?;
    let country = <[u8; 2]>::try_from(args.country.to_ascii_uppercase().as_bytes())
        .ok()
        .filter(|code| code.iter().all(u8::is_ascii_uppercase))
        .ok_or_else(|| Error::NotACountry(args.country.clone()))?;
    Ok(Hardware {
        gpu_class,
        gpu_count: args.gpus.unwrap_or_default(),
        vram_mib: args.vram.unwrap_or_default(),
        cpu_cores: args.cpus,
        memory_mib: args.memory,
        disk_mib: args.disk,
        region,
        country,
        simulated: args.simulated,
    })
}
