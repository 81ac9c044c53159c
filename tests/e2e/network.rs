//! A network to be used and broken.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use millrace_cli::stage::rig::Rig;
use millrace_cli::stage::{Options, Stage};
use millrace_client::accounts::{JobAccount, LeaseAccount, ProviderAccount};
use millrace_client::history::JobHistory;
use millrace_client::keys::{self, address_of};
use millrace_link::rest::{JobStatus, TaskState};
use millrace_localnet::SlotMode;
use millrace_protocol::{Address, MicroUsdc, Parameters, PricePerGpuHour, Seconds};
use serde_json::Value;

/// What the buyer starts with.
pub const BUDGET: MicroUsdc = MicroUsdc(20_000_000);
/// The checkpoint interval: how long a dead worker's lease lives on chain.
pub const CHECKPOINT: Seconds = Seconds(15);
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// No job of a test takes longer.
const PATIENCE: Duration = Duration::from_secs(150);

/// Three rigs, alike but for their price.
pub fn rigs(n: usize) -> Vec<Rig> {
    let rig = |provider_name, gpu, price| Rig {
        provider_name,
        gpu,
        vram_mib: 24_576,
        price: PricePerGpuHour(price),
        region: "europe-central",
        country: *b"DE",
        stake: MicroUsdc(100_000_000),
    };
    let all = [rig("first", "rtx-4090", 360_000), rig("second", "rtx-3090", 720_000), rig("third", "l40s", 1_080_000)];
    all[..n].to_vec()
}

/// A network of child processes and its folder.
pub struct Network {
    stage: Option<Stage>,
    folder: tempfile::TempDir,
}

/// What a command of the binary said.
pub struct Said {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Network {
    /// A chain without anybody on it but the buyer.
    pub async fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            dir: folder.path().join("network"),
            binary: binary(),
            parameters: Parameters {
                checkpoint_interval: CHECKPOINT,
                start_timeout: Seconds(30),
                settle_grace: Seconds(10),
                ..Parameters::default()
            },
            heartbeat: HEARTBEAT,
            slot: SlotMode::Transaction,
            budget: BUDGET,
        };
        let stage = Stage::raise(options).await.unwrap();
        Self { stage: Some(stage), folder }
    }

    /// With an orchestrator and connected workers.
    pub async fn with(rigs: &[Rig]) -> Self {
        let mut network = Self::bare().await;
        for rig in rigs {
            network.stage_mut().add_rig(*rig).await.unwrap();
        }
        network.stage_mut().start_orchestrator().await.unwrap();
        for index in 0..rigs.len() {
            network.stage_mut().start_worker(index).await.unwrap();
        }
        network.stage().connected(rigs.len() as u32).await.unwrap();
        network
    }

    pub fn stage(&self) -> &Stage {
        self.stage.as_ref().unwrap()
    }

    pub fn stage_mut(&mut self) -> &mut Stage {
        self.stage.as_mut().unwrap()
    }

    /// A folder for the test's own files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the binary as the buyer of this network would.
    pub async fn millrace(&self, arguments: &[&str]) -> Said {
        self.millrace_as(&self.stage().buyer_key(), arguments).await
    }

    /// Runs the binary as whoever has this key file.
    pub async fn millrace_as(&self, key: &Path, arguments: &[&str]) -> Said {
        let stage = self.stage();
        let (rpc, ws, http) = (stage.localnet.rpc_url(), stage.localnet.ws_url(), stage.http_url());
        let mut all = vec!["--rpc-url", &rpc, "--ws-url", &ws, "--orchestrator-url", &http, "--keypair"];
        let key = key.display().to_string();
        all.push(&key);
        all.extend(arguments);
        run(self.folder(), &all).await
    }

    /// The same, for a command that is to succeed: what it tells programs.
    pub async fn told_as(&self, key: &Path, arguments: &[&str]) -> Value {
        let said = self.millrace_as(key, &[&["--json"], arguments].concat()).await;
        assert_eq!(said.status, 0, "{arguments:?}: {}", said.stderr);
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
    }

    /// A wallet with so much USDC, and SOL for its transactions: its key file and its address.
    pub async fn wallet(&self, name: &str, usdc: MicroUsdc) -> (PathBuf, Address) {
        let path = self.folder().join(format!("{name}.json"));
        let address = address_of(&keys::load_or_create(&path).unwrap());
        let localnet = &self.stage().localnet;
        localnet.faucet_sol(&address, 1_000_000_000).await.unwrap();
        if usdc > MicroUsdc::ZERO {
            localnet.faucet(&address, usdc).await.unwrap();
        }
        (path, address)
    }

    /// What a wallet has.
    pub async fn usdc_of(&self, wallet: Address) -> MicroUsdc {
        let stage = self.stage();
        stage.client.usdc_balance(wallet, stage.localnet.usdc_mint()).await.unwrap()
    }

    /// Moves the chain's clock ahead.
    pub async fn pass(&self, time: Seconds) {
        let stage = self.stage();
        let now = stage.client.chain_clock().await.unwrap();
        stage.localnet.travel_to(now.after(time).unwrap()).await.unwrap();
    }

    /// Submits a job file and returns its address.
    pub async fn submit(&self, file: &Path) -> Address {
        let said = self.millrace(&["--json", "job", "submit", &file.display().to_string()]).await;
        assert_eq!(said.status, 0, "{}", said.stderr);
        let submitted: Value = serde_json::from_str(&said.stdout).unwrap();
        submitted["job"].as_str().unwrap().parse().unwrap()
    }

    /// The job as the orchestrator tells it; waits for one that is away.
    pub async fn job(&self, job: Address) -> JobStatus {
        let started = Instant::now();
        loop {
            match self.stage().market().job(job).await {
                Ok(status) => return status,
                Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the job is as wanted.
    pub async fn until(&self, job: Address, what: &str, wanted: impl Fn(&JobStatus) -> bool) -> JobStatus {
        let started = Instant::now();
        loop {
            let status = self.job(job).await;
            if wanted(&status) {
                return status;
            }
            if started.elapsed() > PATIENCE {
                panic!("not {what} after {PATIENCE:?}: {status:#?}\n{}", self.logs());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until nothing of the job is left on chain, and reads back what happened.
    pub async fn closed(&self, job: Address) -> (JobStatus, JobHistory) {
        let status = self.until(job, "closed", |status| status.closed).await;
        (status, self.stage().client.job_history(job).await.unwrap())
    }

    /// Nothing of a job, and no money, has left the buyer.
    pub async fn untouched(&self) {
        let client = &self.stage().client;
        assert_eq!(client.fetch_all::<JobAccount>().await.unwrap(), []);
        assert_eq!(self.balance().await, BUDGET);
        self.idle().await;
    }

    /// What the buyer has.
    pub async fn balance(&self) -> MicroUsdc {
        self.usdc_of(address_of(&self.stage().buyer)).await
    }

    /// No lease is open, no bond is locked, no container is left.
    pub async fn idle(&self) {
        let client = &self.stage().client;
        assert_eq!(client.fetch_all::<LeaseAccount>().await.unwrap(), []);
        for provider in client.fetch_all::<ProviderAccount>().await.unwrap() {
            assert_eq!(provider.provider.stake.locked, MicroUsdc::ZERO, "{}", provider.display_name);
        }
        let started = Instant::now();
        let nodes = self.stage().nodes();
        while !containers(&nodes).is_empty() {
            assert!(started.elapsed() < Duration::from_secs(20), "containers are left: {:?}", containers(&nodes));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Ends everything in order.
    pub async fn strike(mut self) {
        let stage = self.stage.take().unwrap();
        let nodes = stage.nodes();
        stage.strike().await.unwrap();
        remove(&nodes);
    }

    /// What the services wrote, for a test that fails.
    pub fn logs(&self) -> String {
        let folder = self.folder().join("network/logs");
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(60)..].join("\n");
            text.push_str(&format!("--- {}\n{last}\n", entry.file_name().display()));
        }
        text
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        let nodes = self.stage.as_ref().map(Stage::nodes).unwrap_or_default();
        // Services die with the stage; killed workers leave containers, as they should.
        drop(self.stage.take());
        remove(&nodes);
    }
}

/// Removes what killed workers left.
fn remove(nodes: &[Address]) {
    for container in containers(nodes) {
        let _ = Command::new("docker").args(["rm", "--force", &container]).output();
    }
}

/// Every container of these nodes, running or not.
pub fn containers(nodes: &[Address]) -> Vec<String> {
    let mut found = Vec::new();
    for node in nodes {
        let filter = format!("label=millrace.node={node}");
        let output = Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &filter]).output().unwrap();
        found.extend(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned));
    }
    found
}

/// The ids of a node's containers that run.
pub fn running(node: Address) -> Vec<String> {
    let filter = format!("label=millrace.node={node}");
    let output = Command::new("docker").args(["ps", "--quiet", "--no-trunc", "--filter", &filter]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The binary that people start: built by `./dev test`, beside this test otherwise.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("MILLRACE_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("millrace");
    assert!(path.exists(), "{} is missing: `cargo build --bin millrace`", path.display());
    path
}

/// Runs the binary with nothing of this machine's own configuration.
pub async fn run(home: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(binary());
    command.args(arguments).env("HOME", home).env("NO_COLOR", "1").stdin(std::process::Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MILLRACE_")) {
        command.env_remove(name);
    }
    let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    Said {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Said {
    /// A refusal has code, cause and hint, and one exit status.
    pub fn refused(&self, status: i32, code: &str) {
        assert_eq!(self.status, status, "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(&format!("error[{code}]: ")), "{}", self.stderr);
        let hint = self.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
        assert!(hint.is_some_and(|hint| !hint.is_empty()), "{}", self.stderr);
    }
}

/// How many tasks are done.
pub fn done(status: &JobStatus) -> usize {
    status.tasks.iter().filter(|task| task.state == TaskState::Done).count()
}
