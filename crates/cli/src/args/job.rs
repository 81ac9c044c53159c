use std::path::PathBuf;

use clap::{Args, Subcommand};
use millrace_protocol::Address;

#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// Check a job file, upload its inputs, put its deposit into escrow
    Submit(SubmitJob),
    /// List a buyer's jobs
    List(ListJobs),
    /// Show a job: state, tasks, leases, money, and why it waits
    Show(JobReference),
    /// Print what a job's containers wrote to stdout and stderr, as it is
    Logs(LogsOf),
    /// Download a job's outputs, resuming where a download broke off
    Outputs(OutputsOf),
    /// Cancel a job; seconds used so far are paid, the rest is refunded
    Cancel(JobReference),
    /// Settle reported leases now: nothing about them is disputed
    Accept(AcceptJob),
    /// Dispute what a lease reports, with a bond
    Dispute(DisputeLease),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace job submit examples/render/job.toml
  millrace job submit examples/render/job.toml --follow --outputs frames
  millrace job submit job.toml --quote
  millrace --json job submit job.toml | jq -r .job")]
pub struct SubmitJob {
    /// Job file, see docs/job-file.md
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Show what the job would cost and stop before paying
    #[arg(long)]
    pub quote: bool,
    /// Stay and show progress until the job is over
    #[arg(long, short, conflicts_with = "quote")]
    pub follow: bool,
    /// Download the outputs into this folder at the end
    #[arg(long, value_name = "DIR", requires = "follow")]
    pub outputs: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace job list
  millrace job list --buyer 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin")]
pub struct ListJobs {
    /// Whose jobs [default: those of your keypair]
    #[arg(long, value_name = "ADDRESS")]
    pub buyer: Option<Address>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace job show 7Yq2bS1vYwHqkV1mJmXGfXJ9y2vKq7Xc1sJx8pT3mN4k")]
pub struct JobReference {
    /// Address of the job, as `job submit` and `job list` print it
    #[arg(value_name = "JOB")]
    pub job: Address,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace job logs <JOB>
  millrace job logs <JOB> --task 3 --follow")]
pub struct LogsOf {
    /// Address of the job
    #[arg(value_name = "JOB")]
    pub job: Address,
    /// One task only [default: every task in order]
    #[arg(long, value_name = "N")]
    pub task: Option<u32>,
    /// Wait for more until the job is over
    #[arg(long, short)]
    pub follow: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace job outputs <JOB> --into frames")]
pub struct OutputsOf {
    /// Address of the job
    #[arg(value_name = "JOB")]
    pub job: Address,
    /// Folder to download into
    #[arg(long, value_name = "DIR", default_value = "outputs")]
    pub into: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace job accept <JOB>
  millrace job accept <JOB> --lease 2")]
pub struct AcceptJob {
    /// Address of the job
    #[arg(value_name = "JOB")]
    pub job: Address,
    /// One lease only, by its number [default: every reported one]
    #[arg(long, value_name = "N")]
    pub lease: Option<u32>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace job dispute <JOB> --lease 2 --evidence differences.txt

The bond comes back unless the arbiter finds the provider right.")]
pub struct DisputeLease {
    /// Address of the job
    #[arg(value_name = "JOB")]
    pub job: Address,
    /// The lease's number, as `job show` lists it
    #[arg(long, value_name = "N")]
    pub lease: u32,
    /// What is wrong; its SHA-256 goes on chain
    #[arg(long, value_name = "FILE")]
    pub evidence: PathBuf,
}
