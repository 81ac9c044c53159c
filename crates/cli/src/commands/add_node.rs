use std::path::PathBuf;

use millrace_client::accounts::ProviderAccount;
use millrace_client::instructions::{self, NewNode, Software};
use millrace_client::{Sender, address as addresses};
use millrace_protocol::{Address, Hardware, PricePerGpuHour, ServiceLevel};
use serde::Serialize;
use serde_json::Value;

use crate::args::AddNode;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::rigs::{self, NodeKey};
use crate::views;

#[derive(Serialize)]
struct Added {
    node: Address,
    node_key: Address,
    node_key_path: PathBuf,
    /// Whether there was no such file, and the key was made.
    node_key_made: bool,
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
            "{}\nnode         {}\nnode key     {}\nhardware     {}\nprice        {}\ntransaction  {}",
            style.good("node is on the market"),
            self.node,
            rigs::shown_key(self.node_key, &self.node_key_path, self.node_key_made, style),
            views::node::hardware(&self.hardware),
            views::node::prices(self.price, self.spot_price, self.service_level),
            self.transaction
        )
    }

    fn next(&self) -> Vec<String> {
        let command = rigs::worker_command(&self.node_key_path, &self.hardware);
        let copied = if self.node_key_made { ", with a copy of that file" } else { "" };
        vec![format!("{command}  (on the rig itself{copied})")]
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
    let NodeKey { key, is_new } = rigs::key_for_node(context.output, &client, &args.node_key).await?;
    let node = NewNode {
        owner: wallet,
        index: account.nodes_added,
        node_key: address(&key),
        hardware,
        software: Software { driver: args.driver, cuda: args.cuda, capabilities: 0 },
        price: args.price,
        spot_price: args.spot_price.unwrap_or_default(),
        service_level: args.service_level.into(),
    };
    let receipt = Sender::new(client, owner).send(&instructions::add_node(node), &[&key]).await?;
    context.output.report(&Added {
        node: addresses::node(provider, node.index),
        node_key: node.node_key,
        node_key_path: args.node_key,
        node_key_made: is_new,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_made_is_told_from_one_that_was_there() {
        let known = crate::commands::list_nodes::tests::account(0).node;
        let mut added = Added {
            node: Address([1; 32]),
            node_key: Address([2; 32]),
            node_key_path: "rig1.json".into(),
            node_key_made: true,
            provider: Address([3; 32]),
            hardware: known.hardware,
            price: known.price,
            spot_price: known.spot_price,
            service_level: known.service_level,
            transaction: "4xY".to_owned(),
        };
        insta::assert_snapshot!(format!("{}\n{}", added.human(Style::plain()), added.next().join("\n")));
        added.node_key_made = false;
        let shown = added.human(Style::plain());
        assert!(shown.contains(" (rig1.json)\n") && added.next()[0].ends_with("(on the rig itself)"), "{shown}");
    }
}
