use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{parse_duration, parse_listen};

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
