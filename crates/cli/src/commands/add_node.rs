use std::path::PathBuf;

use millrace_client::accounts::ProviderAccount;
use millrace_client::instructions::{self, NewNode, Software};
use millrace_client::{Sender, address as addresses, keys};
use millrace_protocol::{Address, Hardware, PricePerGpuHour, ServiceLevel};
use serde::Serialize;
use serde_json::Value;

use crate::args::AddNode;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::{rigs, views};

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
        vec![format!("{}  (on the rig itself)", rigs::worker_command(&self.node_key_path, &self.hardware))]
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
    rigs::check_key_is_free(&client, address(&node_key), &args.node_key).await?;
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

fn hardware(args: &AddNode) -> Result<Hardware, rigs::Error> {
    Ok(Hardware {
        gpu_class: args.gpu.as_deref().map(rigs::gpu_class).transpose()?.unwrap_or_default(),
        gpu_count: args.gpus.unwrap_or_default(),
        vram_mib: args.vram.unwrap_or_default(),
        cpu_cores: args.cpus,
        memory_mib: args.memory,
        disk_mib: args.disk,
        region: rigs::region(&args.region)?,
        country: rigs::country(&args.country)?,
        simulated: args.simulated,
    })
}
