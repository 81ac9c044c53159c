use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use millrace_client::Keypair;
use millrace_protocol::{BasisPoints, Seconds};

use crate::container::docker::PullPolicy;
use crate::doctor;
use crate::gpu::{SimulatedGpu, nvml};

/// Cloudflare's and Quad9's.
const RESOLVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(1, 1, 1, 1), Ipv4Addr::new(9, 9, 9, 9)];

/// This very program, even where its file was replaced meanwhile.
const PROVER: [&str; 3] = ["/proc/self/exe", "worker", "prove"];

/// How a worker is set up.
pub struct Options {
    /// Where the orchestrator's link listens, such as `http://127.0.0.1:7071`.
    pub orchestrator_url: String,
    /// The rig's own key, which its owner registered with the node.
    pub node_key: Keypair,
    /// Journal, caches and the folders of running tasks. One worker per folder.
    pub data_dir: PathBuf,
    /// `unix://` or `tcp://`; `None` for `DOCKER_HOST` or the usual socket.
    pub docker_host: Option<String>,
    /// RPC endpoints of the chain, preferred first.
    pub rpc_urls: Vec<String>,
    /// Pretends to have these and says so; none: asks the driver for real ones.
    pub simulated_gpus: Vec<SimulatedGpu>,
    /// NVIDIA's management library, which tells what GPUs there are.
    pub nvml_library: PathBuf,
    /// NVIDIA's container toolkit, which gives GPUs to containers.
    pub toolkit: PathBuf,
    /// Gives real GPUs to jobs also where the toolkit has known ways out of containers, or does not tell its version.
    pub any_toolkit: bool,
    /// NVIDIA's CUDA driver, by which GPUs answer challenges.
    pub cuda_library: PathBuf,
    /// The program, with its arguments, that answers for one GPU: it calls [`crate::answer_challenge`].
    pub prover: Vec<OsString>,
    pub pull: PullPolicy,
    /// Registries that jobs may name although they are near the rig, as image names begin with them; without a port,
    /// whatever port it is.
    pub registries: Vec<String>,
    /// Whether containers may have a network.
    pub allow_network: bool,
    /// Where containers with a network look names up: resolvers on the internet, as they reach no others.
    pub resolvers: Vec<IpAddr>,
    /// Where the other members of a gang reach this rig: a host name or an IP address. Told to them as it is.
    pub advertised_address: Option<String>,
    /// The longest lease the rig takes.
    pub longest_lease: Seconds,
    /// Disk that no job gets.
    pub disk_reserve_mib: u64,
    /// What inputs may take up between tasks.
    pub cache_limit_mib: u64,
    /// What images that the worker has pulled may take up; those of the rig's owner do not count.
    pub image_cache_mib: u64,
    /// Where Prometheus finds metrics; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Takes jobs whose vouchers another than the network's scheduler signs.
    pub any_attestor: bool,
    /// What the rig bids in auctions, as a share of its posted price; `None`: it does not bid.
    pub bid_share: Option<BasisPoints>,
}

impl Options {
    /// The usual: images are pulled, containers get a network where their job asks for one,
    /// leases last up to 30 days, 512 MiB of disk stay free, 20 GiB of inputs and 50 GiB
    /// of images are kept, and only the
    /// network's scheduler attests time. In auctions it bids its posted price.
    pub fn new(
        orchestrator_url: impl Into<String>,
        node_key: Keypair,
        data_dir: impl Into<PathBuf>,
        rpc_urls: Vec<String>,
    ) -> Self {
        Self {
            orchestrator_url: orchestrator_url.into(),
            node_key,
            data_dir: data_dir.into(),
            docker_host: None,
            rpc_urls,
            simulated_gpus: vec![],
            nvml_library: nvml::LIBRARY.into(),
            toolkit: doctor::TOOLKIT.into(),
            any_toolkit: false,
            cuda_library: millrace_cuda::LIBRARY.into(),
            prover: PROVER.map(OsString::from).to_vec(),
            pull: PullPolicy::default(),
            registries: vec![],
            allow_network: true,
            resolvers: RESOLVERS.map(IpAddr::V4).to_vec(),
            advertised_address: None,
            longest_lease: Seconds(30 * 86_400),
            disk_reserve_mib: 512,
            cache_limit_mib: 20 * 1_024,
            image_cache_mib: 50 * 1_024,
            metrics: None,
            any_attestor: false,
            bid_share: Some(BasisPoints::WHOLE),
        }
    }
}
