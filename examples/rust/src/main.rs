//! Runs the examples against a network.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use millrace_client::{Client, Endpoints, Error, keys};
use millrace_examples::{cancel_job, open_job, read_statement, watch_job};
use millrace_protocol::{Address, Diagnostic};
use millrace_spec::JobFile;

#[derive(Parser)]
struct Arguments {
    /// RPC endpoints of one network, separated by commas.
    #[arg(long, env = "MILLRACE_RPC_URL", default_value = "http://127.0.0.1:8899", value_delimiter = ',')]
    rpc_url: Vec<String>,
    /// WebSockets of the same network; beside each RPC endpoint by default.
    #[arg(long, env = "MILLRACE_WS_URL", value_delimiter = ',')]
    ws_url: Vec<String>,
    /// The buyer's key file.
    #[arg(long, env = "MILLRACE_KEYPAIR", default_value = "id.json")]
    keypair: PathBuf,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Open a job and pay its deposit.
    Open { job_file: PathBuf, id: u64 },
    /// Watch a job until it is over.
    Watch { job: Address },
    /// Cancel a job.
    Cancel { job: Address },
    /// Read where a job's money went.
    Statement { job: Address },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            // Every error of the SDK has a code for scripts and a hint for people.
            if let Some(error) = error.downcast_ref::<Error>() {
                eprintln!("{}: {}", error.code(), error.hint());
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut endpoints = Endpoints { rpc: Vec::new(), ws: Vec::new() };
    for url in arguments.rpc_url {
        endpoints = endpoints.and(Endpoints::from_rpc(url));
    }
    if !arguments.ws_url.is_empty() {
        endpoints.ws = arguments.ws_url;
    }
    let client = Client::new(endpoints);
    let key = || keys::load(&arguments.keypair).map(Arc::new);
    match arguments.task {
        Task::Open { job_file, id } => {
            // A job without inputs; those would be named by their hashes here.
            let spec = JobFile::parse(&std::fs::read_to_string(job_file)?)?.resolve(&BTreeMap::new())?;
            println!("{}", open_job::open_job(&client, key()?, id, &spec).await?);
        }
        Task::Watch { job } => {
            let show = |job: &millrace_client::accounts::JobAccount| {
                println!("{:?}, {} leases, {} paid", job.job.state, job.job.live_leases, job.job.paid);
            };
            if watch_job::watch_job(&client, job, show).await.is_none() {
                println!("there is no such job now");
            }
        }
        Task::Cancel { job } => {
            let job = cancel_job::cancel_job(&client, key()?, job).await?;
            println!("{:?}", job.job.state);
        }
        Task::Statement { job } => {
            if read_statement::read_statement(&client, job).await?.is_none() {
                println!("nothing is known of such a job");
            }
        }
    }
    Ok(())
}
