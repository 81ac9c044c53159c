use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use millrace_protocol::{Address, BasisPoints, Diagnostic};
use millrace_worker::SimulatedGpu;
use serde::Deserialize;

use super::table;
use super::{Moment, parse_basis_points, parse_duration, parse_listen, parse_mebibytes, parse_moment};

/// Where a worker that is started by hand keeps its data.
pub const DATA_DIR: &str = ".worker";

/// Where one that is a service does.
pub const SERVICE_DATA_DIR: &str = "/var/lib/millrace";

/// What a rig does where neither a flag nor the config file says otherwise; the help texts name the same.
const ORCHESTRATOR: &str = "http://127.0.0.1:7071";
const LONGEST_LEASE: Duration = Duration::from_secs(30 * 86_400);
const DISK_RESERVE_MIB: u32 = 512;
const IMAGE_CACHE_MIB: u32 = 50 * 1_024;

#[derive(Debug, Subcommand)]
pub enum WorkerCommand {
    /// Take leases for this rig and run their containers
    Run(RunWorker),
    /// Look at everything a rig needs, and say what mends what is not right
    Doctor(ExamineRig),
    /// Make a rig ready: look at it like `doctor`, write its key and its config, and say how it is put on the market
    Init(PrepareRig),
    /// Show how the rig's worker is: connection, GPUs, leases and their money, disk, last errors
    #[command(after_help = "Examples:
  sudo millrace worker status
  millrace worker status --data-dir .worker --json")]
    Status(AskWorker),
    /// Watch the worker on the whole terminal: GPUs, leases and their money, tasks, last errors
    #[command(after_help = "Example:
  sudo millrace worker top")]
    Top(AskWorker),
    /// Have the rig take no further lease, and finish those that run
    Drain(DrainWorker),
    /// List what the rig has bid in auctions, signed: what proves that a bid was left out
    #[command(after_help = "Examples:
  sudo millrace worker bids
  sudo millrace --json worker bids > bids.json")]
    Bids(AskWorker),
    /// Show what the rig earned, from the chain and from the vouchers it holds
    Earnings(ShowEarnings),
    /// Let systemd run the worker from now on, also after a reboot
    Install(InstallWorker),
    /// Answer a GPU challenge for one GPU: what `run` starts
    #[command(hide = true)]
    Prove,
    /// Take the worker away from systemd; its data folder and key stay
    Uninstall(UninstallWorker),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace worker run
  millrace worker run --node-key rig1.json --orchestrator http://market.example:7071
  millrace worker run --node-key rig1.json --simulated-gpu rtx-4090:24576

What `millrace worker init` was told stands in the config file, under `[worker]`, and need not be
said again; each of these options may stand there.")]
pub struct RunWorker {
    #[command(flatten)]
    pub rig: RigOptions,
    /// Stop when stdin closes: for services started by another process
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

/// What a rig is used for, however its worker is started: flags, and by the same names the config file's `[worker]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RigOptions {
    /// The rig's own keypair, as given to `node add`
    #[arg(long, value_name = "PATH")]
    pub node_key: Option<PathBuf>,
    /// Journal, inputs and outputs of running jobs [default: the config file's `run_dir`, else .worker; of a service
    /// /var/lib/millrace]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where a worker that is run by hand keeps its data, of which no `data_dir` says otherwise. A service has a folder
    /// that its own user may reach.
    #[arg(skip)]
    pub run_dir: Option<PathBuf>,
    /// The orchestrator's worker endpoint [default: http://127.0.0.1:7071]
    #[arg(long, value_name = "URL")]
    pub orchestrator: Option<String>,
    /// Docker or Podman socket [default: what `DOCKER_HOST` says, which a service does not see; then Docker's own]
    #[arg(long, value_name = "URL")]
    pub docker_host: Option<String>,
    /// Pretend to have this GPU, of so many MiB; the node must be registered as simulated. May be repeated
    #[arg(long, value_name = "MODEL:MIB", value_parser = parse_simulated_gpu)]
    #[serde(deserialize_with = "table::simulated_gpus")]
    pub simulated_gpu: Vec<SimulatedGpu>,
    /// Use only images that are on this machine, and let jobs have any of them
    #[arg(long)]
    pub never_pull: bool,
    /// Let jobs pull from this registry in the rig's own networks. May be repeated
    #[arg(long, value_name = "HOST[:PORT]", value_parser = parse_registry)]
    #[serde(deserialize_with = "table::registries")]
    pub registry: Vec<String>,
    /// Take no job whose containers want a network
    #[arg(long)]
    pub no_network: bool,
    /// Where containers with a network look names up, on the internet. May be repeated [default: 1.1.1.1, 9.9.9.9]
    #[arg(long, value_name = "ADDRESS")]
    pub resolver: Vec<IpAddr>,
    /// Host name or IP address under which the rigs of other members of a gang reach this one; told to them as it is
    #[arg(long, value_name = "HOST", value_parser = parse_host)]
    #[serde(deserialize_with = "table::host")]
    pub advertise: Option<String>,
    /// Longest lease to take [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    #[serde(deserialize_with = "table::duration")]
    pub longest_lease: Option<Duration>,
    /// Disk that no job gets [default: 512MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_mebibytes)]
    #[serde(deserialize_with = "table::mebibytes")]
    pub disk_reserve: Option<u32>,
    /// Disk for images that the worker pulls; those that were not used for longest go first, your own never [default:
    /// 50GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_mebibytes)]
    #[serde(deserialize_with = "table::mebibytes")]
    pub image_cache: Option<u32>,
    /// Serve Prometheus metrics there, under /metrics; they name leases and what they earn [default: nowhere]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen)]
    #[serde(deserialize_with = "table::listen")]
    pub metrics: Option<SocketAddr>,
    /// Take jobs too whose time another than the network's scheduler attests: whoever attests decides the pay
    #[arg(long)]
    pub any_attestor: bool,
    /// Give GPUs to jobs also through a container toolkit with known ways out of containers, or of no known version
    #[arg(long)]
    pub any_toolkit: bool,
    /// What to bid in auctions: hundredths of a percent of the posted price; 0 bids in none [default: 10000]
    #[arg(long, value_name = "SHARE", value_parser = parse_basis_points)]
    #[serde(deserialize_with = "table::basis_points")]
    pub bid_share: Option<BasisPoints>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace worker install --print
  sudo millrace --config ~/.config/millrace/config.toml worker install
  sudo millrace worker install --node-key rig1.json --orchestrator http://market.example:7071

Whatever the config file says under `[worker]` need not be said again; root has a config file of its
own, so `sudo` is told whose is meant. The unit holds it all: change the file, and install again.

The service's key is read by systemd, so its file may stay readable for root alone. `journalctl -u millrace-worker`
shows the log.")]
pub struct InstallWorker {
    /// Account that the worker runs as; containers have users of their own
    #[arg(long, value_name = "NAME", default_value = "millrace")]
    pub user: String,
    /// Show what would be written, and do nothing
    #[arg(long)]
    pub print: bool,
    #[command(flatten)]
    pub rig: RigOptions,
}

#[derive(Debug, Args)]
pub struct AskWorker {
    /// The worker's data folder [default: the config file's `data_dir`, else its `run_dir` while a worker runs there,
    /// else the installed service's, else `run_dir`, else .worker]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo millrace worker earnings
  millrace worker earnings --node <NODE> --since 30d --by day
  millrace worker earnings --node <NODE> --since 2026-11-01 --until 2026-12-01 --json

Settled money is the chain's word, exact to the micro-USDC, and as old as the RPC endpoint keeps transactions. What
is not yet settled only the rig knows, from its vouchers.")]
pub struct ShowEarnings {
    /// The worker's data folder [default: the config file's `data_dir`, else its `run_dir` while a worker runs there,
    /// else the installed service's, else `run_dir`, else .worker]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The rig's node, where its worker does not run here
    #[arg(long, value_name = "ADDRESS")]
    pub node: Option<Address>,
    /// What was settled from then on: a day (UTC), or so long ago [default: since the node was added]
    #[arg(long, value_name = "DAY|DURATION", value_parser = parse_moment)]
    pub since: Option<Moment>,
    /// And before then
    #[arg(long, value_name = "DAY|DURATION", value_parser = parse_moment)]
    pub until: Option<Moment>,
    /// A line for each lease, or for each day (UTC)
    #[arg(long, value_name = "WHAT", value_enum, default_value = "lease")]
    pub by: EarningsBy,
}

/// What earnings are summed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EarningsBy {
    Lease,
    Day,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo millrace worker drain --wait && sudo millrace worker uninstall
  sudo millrace worker drain --undo

The rig's own word, kept over restarts. `millrace node drain` says the same on chain, to everybody, and takes the
provider's wallet.")]
pub struct DrainWorker {
    /// The worker's data folder [default: the config file's `data_dir`, else its `run_dir` while a worker runs there,
    /// else the installed service's, else `run_dir`, else .worker]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Return when no lease is left and no result is still to be shown; Ctrl-C stops waiting, not draining, and is a failure
    #[arg(long, conflicts_with = "undo")]
    pub wait: bool,
    /// Take leases again
    #[arg(long)]
    pub undo: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  sudo millrace worker drain --wait && sudo millrace worker uninstall")]
pub struct UninstallWorker {
    /// Do it although the rig holds leases or has results to show, and lose their bonds
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace worker doctor --data-dir /var/lib/millrace --orchestrator http://market.example:7071")]
pub struct ExamineRig {
    #[command(flatten)]
    pub rig: RigToLookAt,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace worker init --node-key rig1.json --orchestrator http://market.example:7071

What it is told goes into the config file, where the rig's other commands find it: under
`[worker]`, and above that the endpoints that flags, environment or Solana's own config name.")]
pub struct PrepareRig {
    /// The rig's own keypair; written if it does not exist
    #[arg(long, value_name = "PATH")]
    pub node_key: Option<PathBuf>,
    #[command(flatten)]
    pub rig: RigToLookAt,
}

#[derive(Debug, Args)]
pub struct RigToLookAt {
    /// Where the worker will keep its data [default: the config file's `run_dir`, else .worker]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// As [`RigOptions::run_dir`].
    #[arg(skip)]
    pub run_dir: Option<PathBuf>,
    /// Docker or Podman socket [default: what `DOCKER_HOST` says, then Docker's own]
    #[arg(long, value_name = "URL")]
    pub docker_host: Option<String>,
    /// An orchestrator's worker endpoint, to see whether it can be reached
    #[arg(long, value_name = "URL")]
    pub orchestrator: Option<String>,
    /// Disk that no job gets [default: 512MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_mebibytes)]
    pub disk_reserve: Option<u32>,
}

pub(super) fn parse_host(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && millrace_link::is_advertisable(text);
    if good { Ok(text.to_owned()) } else { Err("give a host name or an IP address, without a port".to_owned()) }
}

pub(super) fn parse_registry(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && !text.contains(|letter: char| letter == '/' || letter.is_whitespace());
    if good { Ok(text.to_owned()) } else { Err("give a host, and its port as `host:port`, without a path".to_owned()) }
}

pub(super) fn parse_simulated_gpu(text: &str) -> Result<SimulatedGpu, String> {
    text.parse().map_err(|error: millrace_worker::gpu::simulated::SimulatedGpuError| error.hint())
}

impl RigToLookAt {
    /// The same over what the config file says.
    pub fn over(self, below: &RigOptions) -> Self {
        Self {
            data_dir: self.data_dir.or_else(|| below.data_dir.clone()),
            run_dir: self.run_dir.or_else(|| below.run_dir.clone()),
            docker_host: self.docker_host.or_else(|| below.docker_host.clone()),
            orchestrator: self.orchestrator.or_else(|| below.orchestrator.clone()),
            disk_reserve: self.disk_reserve.or(below.disk_reserve),
        }
    }

    pub fn data_dir(&self) -> PathBuf {
        run_by_hand(&self.data_dir, &self.run_dir)
    }

    pub fn disk_reserve(&self) -> u32 {
        self.disk_reserve.unwrap_or(DISK_RESERVE_MIB)
    }
}

impl RigOptions {
    /// The same over what the config file says: what is given goes before, a list as a whole; a switch that is on in
    /// either is on.
    pub fn over(self, below: &Self) -> Self {
        fn list<T: Clone>(given: Vec<T>, below: &[T]) -> Vec<T> {
            if given.is_empty() { below.to_vec() } else { given }
        }
        Self {
            node_key: self.node_key.or_else(|| below.node_key.clone()),
            data_dir: self.data_dir.or_else(|| below.data_dir.clone()),
            run_dir: self.run_dir.or_else(|| below.run_dir.clone()),
            orchestrator: self.orchestrator.or_else(|| below.orchestrator.clone()),
            docker_host: self.docker_host.or_else(|| below.docker_host.clone()),
            simulated_gpu: list(self.simulated_gpu, &below.simulated_gpu),
            never_pull: self.never_pull || below.never_pull,
            registry: list(self.registry, &below.registry),
            no_network: self.no_network || below.no_network,
            resolver: list(self.resolver, &below.resolver),
            advertise: self.advertise.or_else(|| below.advertise.clone()),
            longest_lease: self.longest_lease.or(below.longest_lease),
            disk_reserve: self.disk_reserve.or(below.disk_reserve),
            image_cache: self.image_cache.or(below.image_cache),
            metrics: self.metrics.or(below.metrics),
            any_attestor: self.any_attestor || below.any_attestor,
            any_toolkit: self.any_toolkit || below.any_toolkit,
            bid_share: self.bid_share.or(below.bid_share),
        }
    }

    /// Of a worker that is run by hand.
    pub fn data_dir(&self) -> PathBuf {
        run_by_hand(&self.data_dir, &self.run_dir)
    }

    pub fn orchestrator(&self) -> &str {
        self.orchestrator.as_deref().unwrap_or(ORCHESTRATOR)
    }

    pub fn longest_lease(&self) -> Duration {
        self.longest_lease.unwrap_or(LONGEST_LEASE)
    }

    pub fn disk_reserve(&self) -> u32 {
        self.disk_reserve.unwrap_or(DISK_RESERVE_MIB)
    }

    pub fn image_cache(&self) -> u32 {
        self.image_cache.unwrap_or(IMAGE_CACHE_MIB)
    }

    pub fn bid_share(&self) -> BasisPoints {
        self.bid_share.unwrap_or(BasisPoints::WHOLE)
    }

    /// The flags that say the same but for the data folder, defaults included; `node_key` is where the worker finds its
    /// key, `None` for leaving it out.
    pub fn words(&self, node_key: Option<&str>) -> Vec<String> {
        let mut words = Vec::new();
        let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
        if let Some(key) = node_key {
            flag("--node-key", key);
        }
        flag("--orchestrator", self.orchestrator());
        if let Some(host) = &self.docker_host {
            flag("--docker-host", host);
        }
        for gpu in &self.simulated_gpu {
            flag("--simulated-gpu", &format!("{}:{}", gpu.model, gpu.vram_mib));
        }
        for resolver in &self.resolver {
            flag("--resolver", &resolver.to_string());
        }
        for registry in &self.registry {
            flag("--registry", registry);
        }
        if let Some(address) = &self.metrics {
            flag("--metrics", &address.to_string());
        }
        if let Some(host) = &self.advertise {
            flag("--advertise", host);
        }
        flag("--longest-lease", &duration(self.longest_lease()));
        flag("--disk-reserve", &format!("{}MiB", self.disk_reserve()));
        flag("--image-cache", &format!("{}MiB", self.image_cache()));
        flag("--bid-share", &self.bid_share().0.to_string());
        let switches = [
            (self.never_pull, "--never-pull"),
            (self.no_network, "--no-network"),
            (self.any_attestor, "--any-attestor"),
            (self.any_toolkit, "--any-toolkit"),
        ];
        words.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()));
        words
    }
}

fn run_by_hand(data_dir: &Option<PathBuf>, run_dir: &Option<PathBuf>) -> PathBuf {
    data_dir.clone().or_else(|| run_dir.clone()).unwrap_or_else(|| DATA_DIR.into())
}

/// As [`parse_duration`] reads it.
fn duration(duration: Duration) -> String {
    match duration.as_millis() {
        milliseconds if milliseconds % 86_400_000 == 0 => format!("{}d", milliseconds / 86_400_000),
        milliseconds if milliseconds % 1_000 == 0 => format!("{}s", milliseconds / 1_000),
        milliseconds => format!("{milliseconds}ms"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn read(words: &[&str]) -> RigOptions {
        let cli = Cli::parse_from(["millrace", "worker", "run"].iter().chain(words));
        let Command::Worker(WorkerCommand::Run(run)) = cli.command else { panic!("another command") };
        run.rig
    }

    #[test]
    fn what_is_written_for_a_service_is_read_as_the_same() {
        let some = [
            "--node-key k.json --orchestrator http://m:1 --docker-host unix:///d.sock --simulated-gpu l4:9",
            "--simulated-gpu t4:5 --never-pull --no-network --resolver 9.9.9.9 --resolver ::1 --longest-lease 90s",
            "--registry 10.0.0.5:5000 --registry hub.lan",
            "--disk-reserve 3GiB --image-cache 7GiB --metrics 127.0.0.1:9477 --any-attestor --any-toolkit --bid-share 9000",
            "--advertise rig.example",
        ]
        .join(" ");
        for words in ["--node-key k.json", &some] {
            let options = read(&words.split(' ').collect::<Vec<_>>());
            let written = options.words(Some("k.json"));
            let again = read(&written.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(again.words(Some("k.json")), written, "defaults, once said, stay what they are");
            assert_eq!(again.clone().over(&options), again);
            assert!(words != some || again == options);
        }
    }
}
