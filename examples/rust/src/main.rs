//! Runs the examples against a network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use millrace_client::instructions::AllowanceTerms;
use millrace_client::{Client, Endpoints, Error, Prepared, keys};
use millrace_examples::{
    accept_leases, allow_delegate, cancel_job, dispute_lease, extend_job, open_job, open_prepaid_job, prepay,
    read_statement, watch_job,
};
use millrace_protocol::{Address, Diagnostic, MicroUsdc, Seconds};
use millrace_spec::{JobFile, JobSpec};

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
    /// Put USDC into the prepaid balance, in millionths.
    Prepay { micro_usdc: u64 },
    /// Let another key open jobs from it; amounts in millionths of a USDC.
    Allow { delegate: Address, per_job: u64, total: u64, seconds: u64 },
    /// Open a job from an owner's prepaid balance.
    OpenPrepaid { job_file: PathBuf, id: u64, owner: Address },
    /// Watch a job until it is over.
    Watch { job: Address },
    /// Raise a job's deposit to this many millionths of a USDC.
    Extend { job: Address, micro_usdc: u64 },
    /// Cancel a job.
    Cancel { job: Address },
    /// Accept what a job's leases report.
    Accept { job: Address },
    /// Dispute what a lease reports.
    Dispute { job: Address, lease: u32, evidence: PathBuf },
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
            println!("{}", open_job::open_job(&client, key()?, id, &spec(&job_file)?).await?);
        }
        Task::Prepay { micro_usdc } => {
            // A program that must not pay twice writes the transaction down here.
            let keep = |_: &Prepared| ();
            println!("{} in all", prepay::prepay(&client, key()?, MicroUsdc(micro_usdc), keep).await?);
        }
        Task::Allow { delegate, per_job, total, seconds } => {
            let expires_at = client.chain_clock().await?.after(Seconds(seconds))?;
            let terms = AllowanceTerms { per_job: MicroUsdc(per_job), total: MicroUsdc(total), expires_at };
            let allowed = allow_delegate::allow_delegate(&client, key()?, delegate, terms).await?.allowance;
            println!("{} of {} are spent", allowed.spent, allowed.total);
        }
        Task::OpenPrepaid { job_file, id, owner } => {
            let spec = spec(&job_file)?;
            println!("{}", open_prepaid_job::open_prepaid_job(&client, key()?, owner, id, &spec).await?);
        }
        Task::Watch { job } => {
            let show = |job: &millrace_client::accounts::JobAccount| {
                println!("{:?}, {} leases, {} paid", job.job.state, job.job.live_leases, job.job.paid);
            };
            if watch_job::watch_job(&client, job, show).await.is_none() {
                println!("there is no such job now");
            }
        }
        Task::Extend { job, micro_usdc } => {
            let job = extend_job::extend_job(&client, key()?, job, MicroUsdc(micro_usdc)).await?;
            println!("{}", job.job.terms.deposit);
        }
        Task::Cancel { job } => {
            let job = cancel_job::cancel_job(&client, key()?, job).await?;
            println!("{:?}", job.job.state);
        }
        Task::Accept { job } => {
            let accepted = accept_leases::accept_leases(&client, key()?, job).await?;
            println!("{} accepted", accepted.len());
        }
        Task::Dispute { job, lease, evidence } => {
            let evidence = std::fs::read(evidence)?;
            let dispute = dispute_lease::dispute_lease(&client, key()?, job, lease, &evidence).await?.dispute;
            println!("{} as a bond, decided by {} at the latest", dispute.bond, dispute.decide_by.0);
        }
        Task::Statement { job } => {
            if read_statement::read_statement(&client, job).await?.is_none() {
                println!("nothing is known of such a job");
            }
        }
    }
    Ok(())
}

fn spec(job_file: &Path) -> anyhow::Result<JobSpec> {
    // A job without inputs; those would be named by their hashes here.
    Ok(JobFile::parse(&std::fs::read_to_string(job_file)?)?.resolve(&BTreeMap::new())?)
}
