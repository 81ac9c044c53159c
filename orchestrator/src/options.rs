use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millrace_client::Keypair;
use millrace_protocol::Seconds;
use millrace_scheduler::Weights;

/// What an orchestrator needs to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// JSON-RPC endpoints, preferred first.
    pub rpc_urls: Vec<String>,
    /// WebSocket endpoints.
    pub ws_urls: Vec<String>,
    /// Opens leases, signs vouchers, pays for transactions: the network's scheduler.
    pub scheduler_key: Arc<Keypair>,
    /// Journal, objects and logs. One orchestrator at a time.
    pub data_dir: PathBuf,
    /// Where workers connect; port 0 takes a free one.
    pub link_addr: SocketAddr,
    /// Where buyers connect; port 0 takes a free one.
    pub http_addr: SocketAddr,
    /// Where Prometheus finds metrics; `None`: nowhere. Port 0 takes a free one.
    pub metrics: Option<SocketAddr>,
    /// How often workers report. Three missed reports take a worker's tasks away.
    pub heartbeat: Duration,
    /// How many connections one address may have to each endpoint; this machine's own may have more.
    pub connections_per_address: usize,
    /// How workers reach the HTTP endpoint; `http://` and its bound address by default, where that is one address.
    pub public_http_url: Option<String>,
    /// What nodes are charged beside their price when one is chosen.
    pub weights: Weights,
    /// How long a job, its logs and its results are kept once it is closed. Not shorter than what was said of a job
    /// before may be on its way.
    pub keep_jobs: Seconds,
}
