use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use millrace_protocol::Diagnostic;
use millrace_worker::SimulatedGpu;

use super::{parse_duration, parse_listen, parse_mebibytes};

#[derive(Debug, Subcommand)]
pub enum OrchestratorCommand {
    /// Match jobs to nodes, hand out tasks, sign vouchers, settle
    Run(RunOrchestrator),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace orchestrator run --keypair scheduler.json --data-dir /var/lib/millrace \\
      --link 0.0.0.0:7071 --http 0.0.0.0:7070 --public-url https://market.example")]
pub struct RunOrchestrator {
    /// Journal and objects; state that the chain does not hold
    #[arg(long, value_name = "DIR", default_value = ".orchestrator")]
    pub data_dir: PathBuf,
    /// Where workers connect
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7071", value_parser = parse_listen)]
    pub link: SocketAddr,
    /// Where buyers and dashboards connect
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070", value_parser = parse_listen)]
    pub http: SocketAddr,
    /// How others reach the HTTP endpoint [default: http://<--http>]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// How often workers report; three missed ones end a lease's tasks
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub heartbeat: Duration,
    /// Stop when stdin closes: for services started by another process
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

#[derive(Debug, Subcommand)]
pub enum WorkerCommand {
    /// Take leases for this rig and run their containers
    Run(RunWorker),
    /// Look at everything a rig needs, and say what mends what is not right
    Doctor(ExamineRig),
    /// Make a rig ready: look at it like `doctor`, write its key, and say how it is put on the market
    Init(PrepareRig),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace worker run --node-key rig1.json --orchestrator http://market.example:7071
  millrace worker run --node-key rig1.json --simulated-gpu rtx-4090:24576")]
pub struct RunWorker {
    /// The rig's own keypair, as given to `node add`
    #[arg(long, value_name = "PATH")]
    pub node_key: PathBuf,
    /// The orchestrator's worker endpoint
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7071")]
    pub orchestrator: String,
    /// Journal, inputs and outputs of running jobs
    #[arg(long, value_name = "DIR", default_value = ".worker")]
    pub data_dir: PathBuf,
    /// Docker or Podman socket [default: what `DOCKER_HOST` says, then Docker's own]
    #[arg(long, value_name = "URL")]
    pub docker_host: Option<String>,
    /// Pretend to have this GPU, of so many MiB; the node must be registered as simulated. May be repeated
    #[arg(long, value_name = "MODEL:MIB", value_parser = parse_simulated_gpu)]
    pub simulated_gpu: Vec<SimulatedGpu>,
    /// Use only images that are on this machine
    #[arg(long)]
    pub never_pull: bool,
    /// Take no job whose containers want a network
    #[arg(long)]
    pub no_network: bool,
    /// Where containers with a network look names up, on the internet. May be repeated [default: 1.1.1.1, 9.9.9.9]
    #[arg(long, value_name = "ADDRESS")]
    pub resolver: Vec<IpAddr>,
    /// Host name or IP address that other members of a gang are told to reach this rig by
    #[arg(long, value_name = "HOST", value_parser = parse_host)]
    pub advertise: Option<String>,
    /// Longest lease to take
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parse_duration)]
    pub longest_lease: Duration,
    /// Disk that no job gets
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = parse_mebibytes)]
    pub disk_reserve: u32,
    /// Take no further lease, but finish those that run
    #[arg(long)]
    pub draining: bool,
    /// Take jobs too whose time another than the network's scheduler attests: whoever attests decides the pay
    #[arg(long)]
    pub any_attestor: bool,
    /// Stop when stdin closes: for services started by another process
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
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
  millrace worker init --node-key rig1.json --orchestrator http://market.example:7071")]
pub struct PrepareRig {
    /// The rig's own keypair; written if it does not exist
    #[arg(long, value_name = "PATH")]
    pub node_key: PathBuf,
    #[command(flatten)]
    pub rig: RigToLookAt,
}

#[derive(Debug, Args)]
pub struct RigToLookAt {
    /// Where the worker will keep its data
    #[arg(long, value_name = "DIR", default_value = ".worker")]
    pub data_dir: PathBuf,
    /// Docker or Podman socket [default: what `DOCKER_HOST` says, then Docker's own]
    #[arg(long, value_name = "URL")]
    pub docker_host: Option<String>,
    /// An orchestrator's worker endpoint, to see whether it can be reached
    #[arg(long, value_name = "URL")]
    pub orchestrator: Option<String>,
    /// Disk that no job gets
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = parse_mebibytes)]
    pub disk_reserve: u32,
}

fn parse_host(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && millrace_link::is_advertisable(text);
    if good { Ok(text.to_owned()) } else { Err("give a host name or an IP address, without a port".to_owned()) }
}

fn parse_simulated_gpu(text: &str) -> Result<SimulatedGpu, String> {
    text.parse().map_err(|error: millrace_worker::gpu::simulated::SimulatedGpuError| error.hint())
}
