//! A whole network on this machine: a chain in this process, an orchestrator and workers as child
//! processes of the real binary. The demo shows it, the end-to-end tests drive and break it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_client::instructions::{self, Foundation, NewNode, Software};
use millrace_client::{Client, Endpoints, Instruction, Keypair, Sender, address as addresses, keys};
use millrace_localnet::{Localnet, Options as LocalnetOptions, SlotMode};
use millrace_protocol::{Address, Diagnostic, MicroUsdc, Parameters, PricePerGpuHour, ServiceLevel};
use serde_json::Value;
use thiserror::Error;

use crate::commands::localnet_up::admin_keypair;
use crate::context::{address, signing_key};
use crate::errors::Failure;
use crate::market::Market;

pub mod rig;
pub mod service;

use rig::{Actor, Rig};
use service::Service;

/// SOL per wallet: rent and fees of thousands of transactions.
const LAMPORTS: u64 = 10_000_000_000;
/// How long workers may take to connect.
const CONNECT: Duration = Duration::from_secs(60);

/// Why a stage does not stand.
#[derive(Debug, Error)]
pub enum Error {
    #[error("`{}` cannot be made", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("{connected} of {wanted} workers connected in {} s", CONNECT.as_secs())]
    WorkersMissing { connected: u32, wanted: u32 },
    #[error("`{name}` reported no `{field}`")]
    ReportIncomplete { name: String, field: &'static str },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "folder-unwritable",
            Self::WorkersMissing { .. } => "workers-missing",
            Self::ReportIncomplete { .. } => "service-report-incomplete",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Folder { .. } => "choose another folder by `--dir`",
            Self::WorkersMissing { .. } => "read the workers' logs in the folder",
            Self::ReportIncomplete { .. } => "the binary is of another version: build again",
        }
        .to_owned()
    }
}

/// What to put on stage.
#[derive(Clone, Debug)]
pub struct Options {
    /// Keys, journals and logs; made if it does not exist.
    pub dir: PathBuf,
    /// The `millrace` binary.
    pub binary: PathBuf,
    pub parameters: Parameters,
    pub heartbeat: Duration,
    pub slot: SlotMode,
    /// What the buyer has.
    pub budget: MicroUsdc,
}

/// A network on this machine.
pub struct Stage {
    pub options: Options,
    pub localnet: Localnet,
    pub client: Client,
    pub buyer: Arc<Keypair>,
    pub actors: Vec<Actor>,
    orchestrator: Option<Service>,
    endpoints: Option<OrchestratorEndpoints>,
}

/// Where the orchestrator listens; kept over its restarts.
#[derive(Clone, Debug)]
struct OrchestratorEndpoints {
    http: String,
    link: String,
}

impl Stage {
    /// Starts a chain and founds a network on it.
    ///
    /// # Errors
    /// A folder that cannot be made, a chain that does not start.
    pub async fn raise(options: Options) -> Result<Self, Failure> {
        for folder in ["keys", "logs"] {
            let path = options.dir.join(folder);
            std::fs::create_dir_all(&path).map_err(|source| Error::Folder { path, source })?;
        }
        let slot = options.slot;
        let localnet = Localnet::start(LocalnetOptions { slot, ..LocalnetOptions::default() }).await?;
        let client = Client::new(Endpoints::new(localnet.rpc_url(), localnet.ws_url()));
        let key = |name: &str| keys::load_or_create(&key_path(&options.dir, name)).map(Arc::new);
        let (scheduler, treasury, buyer) = (key("scheduler")?, key("treasury")?, key("buyer")?);
        let admin = Arc::new(admin_keypair());
        for wallet in [&admin, &scheduler, &buyer] {
            localnet.faucet_sol(&address(wallet), LAMPORTS).await?;
        }
        localnet.faucet(&address(&buyer), options.budget).await?;
        let mint = localnet.usdc_mint();
        let founder = address(&admin);
        let foundation = Foundation {
            admin: founder,
            scheduler: address(&scheduler),
            arbiter: founder,
            treasury: addresses::token_account(address(&treasury), mint),
            mint,
            parameters: options.parameters,
        };
        let mut founding =
            instructions::create_associated_token_account_idempotent(foundation.admin, address(&treasury), mint);
        founding.extend(instructions::initialize(foundation));
        Sender::new(client.clone(), admin).send(&founding, &[]).await?;
        Ok(Self { options, localnet, client, buyer, actors: Vec::new(), orchestrator: None, endpoints: None })
    }

    /// Starts the orchestrator; again on the same ports where it was up before.
    ///
    /// # Errors
    /// A service that does not come up.
    pub async fn start_orchestrator(&mut self) -> Result<(), Failure> {
        let free = OrchestratorEndpoints { http: "127.0.0.1:0".to_owned(), link: "127.0.0.1:0".to_owned() };
        let at = self.endpoints.clone().unwrap_or(free);
        let mut arguments = self.chain_arguments();
        arguments.extend(
            [
                "--keypair",
                &path_text(&key_path(&self.options.dir, "scheduler")),
                "orchestrator",
                "run",
                "--until-stdin-closes",
                "--data-dir",
                &path_text(&self.options.dir.join("orchestrator")),
                "--http",
                &at.http,
                "--link",
                &at.link,
                "--heartbeat",
                &format!("{}ms", self.options.heartbeat.as_millis()),
            ]
            .map(str::to_owned),
        );
        let (service, report) = self.start("orchestrator", &arguments).await?;
        let field = |field: &'static str| text_field(&report, "orchestrator", field);
        self.endpoints = Some(OrchestratorEndpoints { http: field("http")?, link: field("link")? });
        self.orchestrator = Some(service);
        Ok(())
    }

    /// Registers a provider with stake and one node; its worker is not started yet.
    ///
    /// # Errors
    /// A refusal by the chain.
    pub async fn add_rig(&mut self, rig: Rig) -> Result<usize, Failure> {
        let index = self.actors.len();
        let name = format!("rig-{}", index + 1);
        let owner = Arc::new(keys::load_or_create(&key_path(&self.options.dir, &format!("{name}-owner")))?);
        let node_key_path = key_path(&self.options.dir, &format!("{name}-node"));
        let node_key = keys::load_or_create(&node_key_path)?;
        let wallet = address(&owner);
        for payer in [wallet, address(&node_key)] {
            self.localnet.faucet_sol(&payer, LAMPORTS).await?;
        }
        self.localnet.faucet(&wallet, rig.stake).await?;
        let mint = self.localnet.usdc_mint();
        let node = NewNode {
            owner: wallet,
            index: 0,
            node_key: address(&node_key),
            hardware: rig.hardware(),
            software: Software::default(),
            price: rig.price,
            spot_price: PricePerGpuHour::ZERO,
            service_level: ServiceLevel::None,
        };
        let steps: [Vec<Instruction>; 3] = [
            instructions::register_provider(wallet, mint, rig.provider_name),
            instructions::add_stake(wallet, mint, rig.stake),
            instructions::add_node(node),
        ];
        Sender::new(self.client.clone(), owner.clone()).send(&steps.concat(), &[&node_key]).await?;
        let provider = addresses::provider(wallet);
        self.actors.push(Actor {
            rig,
            owner,
            provider,
            node: addresses::node(provider, 0),
            node_key: node_key_path,
            data_dir: self.options.dir.join(&name),
            worker: None,
        });
        Ok(index)
    }

    /// Starts, or starts again, the worker of a rig.
    ///
    /// # Errors
    /// A service that does not come up.
    pub async fn start_worker(&mut self, index: usize) -> Result<(), Failure> {
        self.start_worker_with(index, &[]).await
    }

    /// The same with further arguments of `worker run`.
    ///
    /// # Errors
    /// A service that does not come up.
    pub async fn start_worker_with(&mut self, index: usize, further: &[&str]) -> Result<(), Failure> {
        let actor = &self.actors[index];
        let mut arguments = self.chain_arguments();
        arguments.extend(
            [
                "worker",
                "run",
                "--until-stdin-closes",
                "--node-key",
                &path_text(&actor.node_key),
                "--orchestrator",
                &self.link_url(),
                "--data-dir",
                &path_text(&actor.data_dir),
                "--never-pull",
                "--simulated-gpu",
                &format!("{}:{}", actor.rig.gpu, actor.rig.vram_mib),
            ]
            .map(str::to_owned),
        );
        arguments.extend(further.iter().map(|argument| (*argument).to_owned()));
        let (service, _) = self.start(&format!("rig-{}", index + 1), &arguments).await?;
        self.actors[index].worker = Some(service);
        Ok(())
    }

    /// Waits until so many workers are connected.
    ///
    /// # Errors
    /// [`Error::WorkersMissing`].
    pub async fn connected(&self, wanted: u32) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            let connected = self.market().network().await.map_or(0, |network| network.nodes_connected);
            if connected >= wanted {
                return Ok(());
            }
            if started.elapsed() > CONNECT {
                return Err(Error::WorkersMissing { connected, wanted }.into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The orchestrator's HTTP endpoint, spoken to as the buyer.
    pub fn market(&self) -> Market {
        Market::new(&self.http_url(), Some(signing_key(&self.buyer)))
    }

    pub fn http_url(&self) -> String {
        format!("http://{}", self.endpoints.as_ref().map_or("127.0.0.1:0", |at| &at.http))
    }

    fn link_url(&self) -> String {
        format!("http://{}", self.endpoints.as_ref().map_or("127.0.0.1:0", |at| &at.link))
    }

    /// Where the buyer's key lies.
    pub fn buyer_key(&self) -> PathBuf {
        key_path(&self.options.dir, "buyer")
    }

    /// Kills the orchestrator without a word.
    pub async fn kill_orchestrator(&mut self) {
        if let Some(service) = self.orchestrator.take() {
            service.kill().await;
        }
    }

    /// Kills a worker without a word; its containers go on.
    pub async fn kill_worker(&mut self, index: usize) {
        if let Some(service) = self.actors[index].worker.take() {
            service.kill().await;
        }
    }

    /// The nodes on stage.
    pub fn nodes(&self) -> Vec<Address> {
        self.actors.iter().map(|actor| actor.node).collect()
    }

    /// Ends every service and the chain.
    ///
    /// # Errors
    /// A chain that does not stop.
    pub async fn strike(mut self) -> Result<(), Failure> {
        let workers = self.actors.iter_mut().filter_map(|actor| actor.worker.take());
        let ending: Vec<_> = workers.map(|worker| tokio::spawn(worker.end())).collect();
        for worker in ending {
            let _ = worker.await;
        }
        if let Some(orchestrator) = self.orchestrator.take() {
            orchestrator.end().await;
        }
        Ok(self.localnet.shutdown().await?)
    }

    async fn start(&self, name: &str, arguments: &[String]) -> Result<(Service, Value), Failure> {
        let log = self.options.dir.join("logs").join(format!("{name}.log"));
        Ok(Service::start(name, &self.options.binary, arguments, log).await?)
    }

    fn chain_arguments(&self) -> Vec<String> {
        ["--rpc-url", &self.localnet.rpc_url(), "--ws-url", &self.localnet.ws_url()].map(str::to_owned).to_vec()
    }
}

fn key_path(dir: &Path, name: &str) -> PathBuf {
    dir.join("keys").join(format!("{name}.json"))
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

fn text_field(report: &Value, name: &str, field: &'static str) -> Result<String, Failure> {
    let text = report.get(field).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| Error::ReportIncomplete { name: name.to_owned(), field }.into())
}
