use millrace_client::accounts::{NodeAccount, ProviderAccount};
use millrace_client::address as addresses;
use millrace_protocol::{Address, Node, UnixSeconds};
use serde::Serialize;
use serde_json::Value;

use crate::args::ListNodes;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::table::{Column, render};
use crate::output::{self, Report, Style};
use crate::views;

#[derive(Serialize)]
struct Nodes {
    provider: Address,
    /// The chain's time: until when an attestation counts is seen against it.
    at: UnixSeconds,
    nodes: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    address: Address,
    node_key: Address,
    /// Versions as major * 1000 + minor; 0 where none was named.
    driver: u32,
    cuda: u32,
    #[serde(flatten)]
    node: Node,
}

impl Report for Nodes {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, _style: Style) -> String {
        if self.nodes.is_empty() {
            return "no nodes".to_owned();
        }
        let rows: Vec<_> = self.nodes.iter().map(|node| node.row(self.at)).collect();
        let columns = [
            Column::Text("node"),
            Column::Text("hardware"),
            Column::Text("status"),
            Column::Number("leased"),
            Column::Text("attested"),
            Column::Text("price"),
        ];
        render(&columns, &rows)
    }

    fn next(&self) -> Vec<String> {
        match self.nodes.as_slice() {
            [] => vec!["millrace node add --help  (put a rig on the market)".to_owned()],
            _ => vec!["millrace node update <NODE> --price <USDC>".to_owned()],
        }
    }
}

impl Listed {
    fn row(&self, at: UnixSeconds) -> Vec<String> {
        let node = &self.node;
        vec![
            self.address.to_string(),
            views::node::hardware(&node.hardware),
            views::status::node(node.status).to_owned(),
            format!("{} of {}", node.leased.0, node.hardware.units().0),
            views::node::attestation(&node.attestation, at),
            views::node::prices(node.price, node.spot_price, node.service_level),
        ]
    }
}

impl From<NodeAccount> for Listed {
    fn from(found: NodeAccount) -> Self {
        let NodeAccount { address, node_key, driver, cuda, node, .. } = found;
        Self { address, node_key, driver, cuda, node }
    }
}

/// Lists a provider's nodes as the chain has them.
///
/// # Errors
/// A wallet that is no provider, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: ListNodes) -> Result<(), Failure> {
    let owner = match args.owner {
        Some(owner) => owner,
        None => address(&*context.keypair()?),
    };
    let client = context.client();
    let provider: ProviderAccount = client.fetch(addresses::provider(owner)).await?;
    // Nodes are numbered, and a number is never used again: no search is needed.
    let all: Vec<_> = (0..provider.nodes_added).map(|index| addresses::node(provider.address, index)).collect();
    let found = client.find_many::<NodeAccount>(&all).await?;
    let nodes = found.into_iter().flatten().map(Listed::from).collect();
    let at = client.chain_clock().await?;
    context.output.report(&Nodes { provider: provider.address, at, nodes });
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use millrace_protocol::{
        GpuUnits, Hardware, HardwareAttestation, HardwareClass, NodeStatus, PricePerGpuHour, ServiceLevel,
    };

    use super::*;

    /// A simulated node of two GPUs that nothing runs on.
    pub fn account(index: u32) -> NodeAccount {
        let hardware = Hardware {
            gpu_class: 8,
            gpu_count: 2,
            vram_mib: 24_576,
            cpu_cores: 16,
            memory_mib: 65_536,
            disk_mib: 512_000,
            region: 4,
            country: *b"DE",
            simulated: true,
        };
        let node = Node {
            hardware,
            price: PricePerGpuHour(400_000),
            spot_price: PricePerGpuHour::ZERO,
            service_level: ServiceLevel::None,
            attestation: HardwareAttestation::default(),
            leased: GpuUnits::ZERO,
            status: NodeStatus::Active,
        };
        NodeAccount {
            address: Address([7; 32]),
            provider: Address([3; 32]),
            index,
            node_key: Address([2; 32]),
            node,
            driver: 570_086,
            cuda: 12_008,
            capabilities: 0,
            attestor: None,
            attestation_digest: [0; 32],
            attestation_score: 0,
            rent_payer: Address([1; 32]),
            added_at: UnixSeconds(1_800_000_000),
        }
    }

    #[test]
    fn each_node_has_a_line() {
        let mut second = account(1);
        second.node.status = NodeStatus::Draining;
        second.node.leased = GpuUnits(1);
        second.node.spot_price = PricePerGpuHour(200_000);
        let at = UnixSeconds(1_800_000_000);
        second.node.attestation =
            HardwareAttestation { class: HardwareClass::Challenged, expires_at: UnixSeconds(at.0 + 43_200) };
        let nodes = [account(0), second].map(Listed::from).into();
        let mut list = Nodes { provider: Address([3; 32]), at, nodes };
        insta::assert_snapshot!(list.human(Style::plain()));
        list.nodes.clear();
        assert_eq!(list.human(Style::plain()), "no nodes");
        assert!(list.next()[0].starts_with("millrace node add"), "{:?}", list.next());
    }
}
