use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use millrace_protocol::{Address, MicroUsdc, Seconds};

use super::{parse_seconds, parse_usdc};
use crate::schedule::{Missed, Overlap, Pattern};

#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// Check a job file, upload its inputs, put its deposit into escrow
    Submit(SubmitJob),
    /// Open a job again and again, at the times of a cron pattern, as long as this command runs
    Schedule(Box<ScheduleJob>),
    /// List the jobs of your keypair
    #[command(after_help = "Example:
  millrace job list")]
    List,
    /// Show a job: state, tasks, leases, money, and why it waits
    Show(JobReference),
    /// Say why a job waits, or why its leases are on the nodes they are on, and what others scored
    #[command(after_help = "Example:
  millrace job explain 7Yq2bS1vYwHqkV1mJmXGfXJ9y2vKq7Xc1sJx8pT3mN4k")]
    Explain(JobReference),
    /// Show what nodes bid for a job's leases and who won, and check that it was held as it is told
    Auction(AuctionOf),
    /// Print what a job's containers wrote to stdout and stderr, as it is
    Logs(LogsOf),
    /// Download a job's outputs, resuming where a download broke off
    Outputs(OutputsOf),
    /// Stay with a job whose rigs wait for you, and bring them its secrets, sealed to their keys
    Unlock(UnlockJob),
    /// Cancel a job; seconds used so far are paid, the rest is refunded
    #[command(after_help = "Example:
  millrace job cancel 7Yq2bS1vYwHqkV1mJmXGfXJ9y2vKq7Xc1sJx8pT3mN4k")]
    Cancel(JobReference),
    /// Add money, time per lease, or time to wait for a rig to a job that is not over
    Extend(ExtendJob),
    /// Settle reported leases now: nothing about them is disputed
    Accept(AcceptJob),
    /// Dispute what a lease reports, with a bond
    Dispute(DisputeLease),
    /// Bring what is due of a job to the chain, where nobody else does; anyone may
    #[command(after_help = "Example:
  millrace job settle 7Yq2bS1vYwHqkV1mJmXGfXJ9y2vKq7Xc1sJx8pT3mN4k

The orchestrator does this by itself. Without it, whoever runs this command ends what is past its deadline, \
settles what nobody objects to, counts results, and closes what is over: each party gets what the protocol \
says, and you pay the transactions' fees.")]
    Settle(JobReference),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace job submit examples/render/job.toml
  millrace job submit examples/render/job.toml --follow --outputs frames
  millrace job submit job.toml --quote
  millrace job submit job.toml --prepaid
  millrace --json job submit job.toml | jq -r .job")]
pub struct SubmitJob {
    /// Job file, see docs/job-file.md
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Show what the job would cost and stop before paying
    #[arg(long)]
    pub quote: bool,
    /// Pay the deposit from your prepaid balance
    #[arg(long)]
    pub prepaid: bool,
    /// As a delegate: whose prepaid balance pays, and whose job it is [default: your keypair's]
    #[arg(long, value_name = "ADDRESS", requires = "prepaid")]
    pub buyer: Option<Address>,
    /// Stay and show progress until the job is over
    #[arg(long, short, conflicts_with = "quote")]
    pub follow: bool,
    /// Download the outputs into this folder at the end
    #[arg(long, value_name = "DIR", requires = "follow")]
    pub outputs: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace job schedule nightly.toml --cron '30 4 * * 1-5' --budget 50
  millrace job schedule nightly.toml --cron '0 * * * *' --budget 20 --runs 24 --overlap allow
  millrace job schedule nightly.toml --cron '@daily' --budget 50 --prepaid --buyer <ADDRESS> --keypair delegate.json

Each run is a job of its own, with its own deposit. The journal keeps what was begun and spent: started \
again with it, the schedule goes on where it was.")]
pub struct ScheduleJob {
    /// Job file, read anew for each run
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Minute, hour, day, month and weekday, in UTC
    #[arg(long, value_name = "PATTERN", value_parser = Pattern::parse)]
    pub cron: Pattern,
    /// USDC that all runs together may cost; deposits count until they are back
    #[arg(long, value_name = "USDC", value_parser = parse_usdc)]
    pub budget: MicroUsdc,
    /// Stop after so many runs [default: when the budget is used up]
    #[arg(long, value_name = "N")]
    pub runs: Option<u64>,
    /// When it is time and the last run is not over
    #[arg(long, value_enum, default_value = "skip")]
    pub overlap: Overlap,
    /// Times at which this command did not run
    #[arg(long, value_enum, default_value = "once")]
    pub missed: Missed,
    /// What was begun and spent [default: FILE with the ending .schedule.json]
    #[arg(long, value_name = "PATH")]
    pub journal: Option<PathBuf>,
    /// Pay the deposits from your prepaid balance
    #[arg(long)]
    pub prepaid: bool,
    /// As a delegate: whose prepaid balance pays, and whose jobs they are [default: your keypair's]
    #[arg(long, value_name = "ADDRESS", requires = "prepaid")]
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
  millrace job auction <JOB>
  millrace --json worker bids > bids.json && millrace job auction <JOB> --bid bids.json

Every signature, the root in each lease, the scores and the winners are computed anew. Needs no wallet.")]
pub struct AuctionOf {
    /// Address of the job
    #[arg(value_name = "JOB")]
    pub job: Address,
    /// Bids of your own that must be among the others, as `worker bids` writes them
    #[arg(long, value_name = "FILE")]
    pub bid: Option<PathBuf>,
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
#[command(after_help = "Examples:
  millrace job outputs <JOB> --into frames
  millrace job outputs <JOB> --early

A job whose file has `[outputs] every` brings what is finished away while its tasks run. That is no result: \
a file may change, go away, or come again from another attempt. What was brought away stays to be had until its task is \
done, also where it failed.")]
pub struct OutputsOf {
    /// Address of the job
    #[arg(value_name = "JOB")]
    pub job: Address,
    /// Folder to download into
    #[arg(long, value_name = "DIR", default_value = "outputs")]
    pub into: PathBuf,
    /// What is finished of tasks that are not done, into the folder `early` in it
    #[arg(long)]
    pub early: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace job unlock <JOB> job.toml

Needed where a job file has `[secrets]`, `[registry]` or encrypted inputs, and the job was submitted \
without `--follow`. A rig waits two minutes for it.")]
pub struct UnlockJob {
    /// Address of the job
    #[arg(value_name = "JOB")]
    pub job: Address,
    /// The file that it was submitted with
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Debug, Args)]
#[command(group(
    ArgGroup::new("extension").args(["deposit", "lease", "start_window"]).multiple(true).required(true)
))]
#[command(after_help = "Examples:
  millrace job extend <JOB> --deposit 5
  millrace job extend <JOB> --lease 30m --start-window 1h

Money comes from where the job's deposit came from: your wallet, or your prepaid balance. A longer \
lease needs a deposit that covers one at the job's maximum price. A lease under way that is too \
short for what it does is given more time before it ends, where its rig agrees; further leases get \
what is left.")]
pub struct ExtendJob {
    /// Address of the job
    #[arg(value_name = "JOB")]
    pub job: Address,
    /// USDC to add to its deposit
    #[arg(long, value_name = "USDC", value_parser = parse_usdc)]
    pub deposit: Option<MicroUsdc>,
    /// Time to add to its longest lease; leases under way get of it what their tasks lack
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub lease: Option<Seconds>,
    /// Time to add to its wait for a rig
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    pub start_window: Option<Seconds>,
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
