use millrace_client::accounts::{NodeAccount, ProviderAccount};
use millrace_client::address as addresses;
use millrace_link::rest;
use millrace_protocol::{Address, Node, UnixSeconds};
use serde::Serialize;
use serde_json::Value;

use crate::args::ListNodes;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::market::Market;
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

#[derive(Clone, Serialize)]
struct Listed {
    address: Address,
    node_key: Address,
    /// Versions as major * 1000 + minor; 0 where none was named.
    driver: u32,
    cuda: u32,
    #[serde(flatten)]
    node: Node,
    /// As the orchestrator has it; none where it was not asked or does not know the node.
    worker: Option<Worker>,
}

/// What the rig can be given, beside what its account says.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Worker {
    Connected,
    /// Its owner lets it take no further lease, whatever its account says.
    Draining,
    /// It came and went too often lately, and gets no lease for a while.
    Quarantined,
    Away,
}

impl Worker {
    fn of(told: &rest::Node) -> Self {
        match told {
            rest::Node { connected: false, .. } => Self::Away,
            rest::Node { quarantined: true, .. } => Self::Quarantined,
            rest::Node { draining: true, .. } => Self::Draining,
            _ => Self::Connected,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Draining => "draining",
            Self::Quarantined => "quarantined",
            Self::Away => "away",
        }
    }
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
            Column::Text("worker"),
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
            self.worker.map_or("not known", Worker::name).to_owned(),
            format!("{} of {}", node.leased.0, node.hardware.units().0),
            views::node::attestation(&node.attestation, at),
            views::node::prices(node.price, node.spot_price, node.service_level),
        ]
    }
}

impl From<NodeAccount> for Listed {
    fn from(found: NodeAccount) -> Self {
        let NodeAccount { address, node_key, driver, cuda, node, .. } = found;
        Self { address, node_key, driver, cuda, node, worker: None }
    }
}

/// Lists a provider's nodes as the chain has them, and how the orchestrator has their workers, where it answers.
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
    let mut nodes: Vec<Listed> = found.into_iter().flatten().map(Listed::from).collect();
    let told = Market::new(&context.settings.orchestrator_url.value, None).nodes().await.unwrap_or_default();
    for node in &mut nodes {
        node.worker = told.iter().find(|told| told.address == node.address).map(Worker::of);
    }
    let at = client.chain_clock().await?;
    context.output.report(&Nodes { provider: provider.address, at, nodes });
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use millrace_protocol::{
        GpuUnits, Hardware, HardwareAttestation, HardwareClass, NodeStatus, PricePerGpuHour, ServiceLevel,
    };

    use millrace_spec::Version;

    use super::*;

    pub fn told(account: NodeAccount, connected: bool) -> rest::Node {
        let NodeAccount { address, provider, node, driver, cuda, .. } = account;
        rest::Node {
            address,
            provider,
            provider_name: String::new(),
            hardware: node.hardware,
            price: node.price,
            spot_price: node.spot_price,
            service_level: node.service_level,
            attestation: node.attestation,
            units_leased: 0,
            driver: Version(driver),
            cuda: Version(cuda),
            connected,
            draining: false,
            quarantined: false,
            runtimes: Vec::new(),
            challenge: None,
        }
    }

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
    fn the_first_thing_that_keeps_leases_from_a_worker_is_told() {
        let told = |connected, draining, quarantined| {
            Worker::of(&rest::Node { draining, quarantined, ..told(account(0), connected) }).name()
        };
        assert_eq!(told(true, false, false), "connected");
        assert_eq!((told(true, true, false), told(true, true, true)), ("draining", "quarantined"));
        assert_eq!(told(false, true, true), "away");
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
        let mut nodes = [account(0), second].map(Listed::from).to_vec();
        nodes[0].worker = Some(Worker::Quarantined);
        let mut list = Nodes { provider: Address([3; 32]), at, nodes };
        insta::assert_snapshot!(list.human(Style::plain()));
        list.nodes.clear();
        assert_eq!(list.human(Style::plain()), "no nodes");
        assert!(list.next()[0].starts_with("millrace node add"), "{:?}", list.next());
    }
}
