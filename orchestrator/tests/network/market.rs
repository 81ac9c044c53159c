//! A founded network with an orchestrator, providers and a buyer.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ed25519_dalek::SigningKey;
use millrace_client::accounts::{JobAccount, NodeAccount, ProviderAccount};
use millrace_client::instructions::{self, Foundation, NewJob, NewNode, Software};
use millrace_client::keys::address_of;
use millrace_client::{Client, Endpoints, Keypair, Sender, address};
use millrace_link::auth;
use millrace_link::objects::{Error, ObjectClient};
use millrace_link::rest::JobStatus;
use millrace_localnet::{Localnet, SlotMode};
use millrace_orchestrator::{Handle, Options, Service, Weights};
use millrace_protocol::transitions::JobExtension;
use millrace_protocol::{
    Address, GpuUnits, Hardware, JobTerms, MicroUsdc, Parameters, Payment, PricePerGpuHour, Requirements, Seconds,
    ServiceLevel, UnixSeconds, Verification,
};
use millrace_spec::{JobSpec, Limits, ObjectRef};
use tempfile::TempDir;

const SOL: u64 = 1_000_000_000;
pub const DEPOSIT: MicroUsdc = MicroUsdc(5_000_000);
pub const PURSE: MicroUsdc = MicroUsdc(20_000_000);
pub const HEARTBEAT: Duration = Duration::from_millis(500);

pub struct Market {
    pub localnet: Localnet,
    pub client: Client,
    pub mint: Address,
    pub scheduler: Arc<Keypair>,
    pub buyer: Arc<Keypair>,
    pub folder: TempDir,
    pub orchestrator: Option<Handle>,
    /// How long the orchestrator keeps closed jobs, from its next start on.
    pub keep_jobs: Seconds,
    link: SocketAddr,
    http: SocketAddr,
}

/// A provider with one rig.
pub struct Rigging {
    pub owner: Arc<Keypair>,
    pub node_key: Arc<Keypair>,
    pub node: Address,
    pub provider: Address,
}

impl Market {
    pub async fn found() -> Self {
        Self::found_with(Parameters::default()).await
    }

    pub async fn found_with(parameters: Parameters) -> Self {
        let slot = SlotMode::Clock(Duration::from_millis(100));
        let localnet = Localnet::start(millrace_localnet::Options { slot, ..Default::default() }).await.unwrap();
        let client = Client::new(Endpoints::new(localnet.rpc_url(), localnet.ws_url()));
        let mint = localnet.usdc_mint();
        let admin = Arc::new(Keypair::try_from(Localnet::admin_key().as_slice()).unwrap());
        let [scheduler, buyer] = std::array::from_fn(|_| Arc::new(Keypair::new()));
        for key in [&scheduler, &buyer] {
            localnet.faucet_sol(&address_of(key), 10 * SOL).await.unwrap();
        }
        localnet.faucet(&address_of(&buyer), PURSE).await.unwrap();
        let treasury = localnet.faucet(&address_of(&admin), MicroUsdc(1)).await.unwrap();
        let foundation = Foundation {
            admin: address_of(&admin),
            scheduler: address_of(&scheduler),
            arbiter: address_of(&admin),
            treasury,
            mint,
            parameters,
        };
        Sender::new(client.clone(), admin).send(&instructions::initialize(foundation), &[]).await.unwrap();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let folder = tempfile::tempdir().unwrap();
        let keep_jobs = Seconds(30 * 86_400);
        let (orchestrator, link, http) = (None, free, free);
        let mut market = Self { localnet, client, mint, scheduler, buyer, folder, orchestrator, keep_jobs, link, http };
        market.start().await;
        market
    }

    pub fn options(&self) -> Options {
        Options {
            rpc_urls: vec![self.localnet.rpc_url()],
            ws_urls: vec![self.localnet.ws_url()],
            scheduler_key: self.scheduler.clone(),
            data_dir: self.folder.path().join("orchestrator"),
            link_addr: self.link,
            http_addr: self.http,
            metrics: Some(([127, 0, 0, 1], 0).into()),
            heartbeat: HEARTBEAT,
            connections_per_address: 1_000,
            public_http_url: None,
            weights: Weights::default(),
            keep_jobs: self.keep_jobs,
        }
    }

    /// Starts the orchestrator; again at the same addresses.
    pub async fn start(&mut self) {
        let handle = Service::start(self.options()).await.unwrap();
        (self.link, self.http) = (handle.link_addr(), handle.http_addr());
        self.orchestrator = Some(handle);
    }

    pub async fn stop(&mut self) {
        self.orchestrator.take().unwrap().shutdown().await;
    }

    pub fn link_url(&self) -> String {
        format!("http://{}", self.link)
    }

    pub fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    pub async fn add_rig(&self, name: &str, price: PricePerGpuHour) -> Rigging {
        self.add_rig_of(name, price, hardware()).await
    }

    pub async fn add_rig_of(&self, name: &str, price: PricePerGpuHour, hardware: Hardware) -> Rigging {
        let (owner, node_key) = (Arc::new(Keypair::new()), Arc::new(Keypair::new()));
        self.localnet.faucet_sol(&address_of(&owner), 10 * SOL).await.unwrap();
        self.localnet.faucet(&address_of(&owner), MicroUsdc(200_000_000)).await.unwrap();
        let sender = Sender::new(self.client.clone(), owner.clone());
        let (keypair, owner) = (owner.clone(), address_of(&owner));
        let register = instructions::register_provider(owner, self.mint, name);
        let stake = instructions::add_stake(owner, self.mint, MicroUsdc(100_000_000));
        let node = NewNode {
            owner,
            index: 0,
            node_key: address_of(&node_key),
            hardware,
            software: Software::default(),
            price,
            spot_price: PricePerGpuHour(price.0 / 2),
            service_level: ServiceLevel::None,
        };
        sender.send(&register, &[]).await.unwrap();
        sender.send(&[stake, instructions::add_node(node)].concat(), &[&node_key]).await.unwrap();
        let provider = address::provider(owner);
        Rigging { owner: keypair, node_key, node: address::node(provider, 0), provider }
    }

    /// Gives the rig's node a new key. What was taken for the rig has the earlier one.
    pub async fn rotate_key(&self, rigging: &Rigging) -> Rigging {
        let node: NodeAccount = self.client.fetch(rigging.node).await.unwrap();
        let node_key = Arc::new(Keypair::new());
        let rotation = instructions::rotate_node_key(address_of(&rigging.owner), &node, address_of(&node_key));
        Sender::new(self.client.clone(), rigging.owner.clone()).send(&rotation, &[&node_key]).await.unwrap();
        Rigging { owner: rigging.owner.clone(), node_key, ..*rigging }
    }

    pub fn objects(&self, key: &Keypair) -> ObjectClient {
        ObjectClient::new(&self.http_url(), Arc::new(signing_key(key)))
    }

    pub async fn is_here(&self, object: ObjectRef) -> bool {
        match self.objects(&self.buyer).get_bytes(object.sha256, 4_096).await {
            Ok(_) => true,
            Err(Error::NotFound { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns when the orchestrator has deleted it.
    pub async fn goes(&self, object: ObjectRef) {
        for _ in 0..100 {
            if !self.is_here(object).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{} stays", object.sha256);
    }

    /// Where a complete object lies.
    pub fn object_path(&self, object: ObjectRef) -> PathBuf {
        let name = object.sha256.to_string();
        self.options().data_dir.join("objects/complete").join(&name[..2]).join(name)
    }

    /// Nobody has stored or asked for anything since then.
    pub fn age_objects(&self, by: Duration) {
        age(&self.options().data_dir.join("objects"), SystemTime::now() - by);
    }

    /// Uploads the spec and opens the job.
    pub async fn submit(&self, id: u64, spec: &JobSpec) -> Address {
        self.objects(&self.buyer).put_bytes(&spec.canonical_bytes()).await.unwrap();
        self.open(id, spec).await
    }

    pub async fn open(&self, id: u64, spec: &JobSpec) -> Address {
        let buyer = address_of(&self.buyer);
        let (funder, mint, attestor) = (buyer, self.mint, None);
        let job = NewJob { buyer, funder, mint, id, spec_hash: spec.hash().0, terms: spec.terms, attestor };
        let sender = Sender::new(self.client.clone(), self.buyer.clone());
        sender.send(&instructions::open_job(job), &[]).await.unwrap();
        address::job(buyer, id)
    }

    /// The buyer adds to the job.
    pub async fn extend(&self, job: Address, extension: JobExtension) {
        let account: JobAccount = self.client.fetch(job).await.unwrap();
        let sender = Sender::new(self.client.clone(), self.buyer.clone());
        sender.send(&instructions::extend_job(&account, extension), &[]).await.unwrap();
    }

    pub async fn cancel(&self, job: Address) {
        let sender = Sender::new(self.client.clone(), self.buyer.clone());
        sender.send(&instructions::cancel_job(address_of(&self.buyer), job), &[]).await.unwrap();
    }

    pub async fn get(&self, path: &str, query: &str) -> reqwest::Response {
        self.request(path, query).send().await.unwrap()
    }

    /// Signed by somebody else than the buyer.
    pub async fn get_as(&self, key: &Keypair, path: &str) -> reqwest::Response {
        self.request_as(key, path, "").send().await.unwrap()
    }

    fn request(&self, path: &str, query: &str) -> reqwest::RequestBuilder {
        self.request_as(&self.buyer, path, query)
    }

    fn request_as(&self, key: &Keypair, path: &str, query: &str) -> reqwest::RequestBuilder {
        let now = UnixSeconds(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs());
        let authorization = auth::authorization(&signing_key(key), "GET", path, now);
        let url = format!("{}{path}{query}", self.http_url());
        reqwest::Client::new().get(url).header("authorization", authorization)
    }

    pub async fn job(&self, job: Address) -> JobStatus {
        self.get(&format!("/v1/jobs/{job}"), "").await.json().await.unwrap()
    }

    /// The job, where an orchestrator is there and knows it.
    pub async fn find(&self, job: Address) -> Option<JobStatus> {
        self.request(&format!("/v1/jobs/{job}"), "").send().await.ok()?.error_for_status().ok()?.json().await.ok()
    }

    /// Looks at the job until it is as wanted.
    pub async fn wait_for(&self, job: Address, wanted: impl Fn(&JobStatus) -> bool) -> JobStatus {
        let mut last = None;
        for _ in 0..300 {
            let response = self.get(&format!("/v1/jobs/{job}"), "").await;
            if response.status().is_success() {
                let status: JobStatus = response.json().await.unwrap();
                if wanted(&status) {
                    return status;
                }
                last = Some(status);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("the job never got there: {last:#?}");
    }

    /// Everything the buyer paid is with the providers or the network, to the micro-USDC.
    pub async fn check_sum(&self, rigs: &[&Rigging]) -> MicroUsdc {
        let mut earned = 0;
        for rig in rigs {
            let provider: ProviderAccount = self.client.fetch(rig.provider).await.unwrap();
            assert_eq!(provider.provider.stake.locked, MicroUsdc::ZERO);
            let vault = address::earnings_vault(rig.provider);
            let earnings = provider.provider.earnings.total().unwrap();
            assert_eq!(self.client.token_balance(vault).await.unwrap(), earnings);
            earned += earnings.0;
        }
        let left = self.client.usdc_balance(address_of(&self.buyer), self.mint).await.unwrap();
        assert_eq!(left.0 + earned, PURSE.0, "the sum");
        MicroUsdc(earned)
    }

    pub async fn is_gone(&self, job: Address) -> bool {
        self.client.find::<JobAccount>(job).await.unwrap().is_none()
    }
}

fn age(folder: &Path, since: SystemTime) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            age(&entry.path(), since);
        } else {
            File::open(entry.path()).unwrap().set_modified(since).unwrap();
        }
    }
}

pub fn signing_key(key: &Keypair) -> SigningKey {
    SigningKey::from_keypair_bytes(&key.to_bytes()).unwrap()
}

pub fn hardware() -> Hardware {
    Hardware {
        gpu_class: 8,
        gpu_count: 1,
        vram_mib: 24_576,
        cpu_cores: 8,
        memory_mib: 32_768,
        disk_mib: 100_000,
        region: 4,
        country: *b"DE",
        simulated: true,
    }
}

pub fn spec(tasks: u32) -> JobSpec {
    JobSpec {
        after: None,
        checkpoint: None,
        command: vec!["render".to_owned(), "{task}".to_owned()],
        egress: Vec::new(),
        env: Default::default(),
        finish_on_notice: false,
        image: "millrace/test:1".to_owned(),
        inputs: Default::default(),
        limits: Limits { cpu_milli: 500, disk_mib: 64, memory_mib: 64, pids: 16, task_seconds: 60 },
        name: "frames".to_owned(),
        network: false,
        outputs: None,
        placement: None,
        retry: None,
        runtime: None,
        sealed: None,
        shape: None,
        task_retries: 1,
        tasks,
        terms: JobTerms {
            requirements: Requirements {
                gpu_classes: 0,
                vram_mib: 0,
                units: GpuUnits(1),
                regions: 0,
                accept_simulated: true,
            },
            maximum_price: PricePerGpuHour(3_600_000),
            concurrent_leases: 3,
            lease_seconds: Seconds(600),
            start_window: Seconds(600),
            retries: 2,
            deposit: DEPOSIT,
            spot: false,
            service_level: ServiceLevel::None,
            payment: Payment::Streaming,
            verification: Verification::Attested,
            dispute_window: Seconds::ZERO,
        },
    }
}
