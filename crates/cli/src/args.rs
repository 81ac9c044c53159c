//! The command line: clap only, no behaviour.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::shell::quoted;

mod amounts;
mod balance;
mod delegate;
mod dispute;
mod job;
mod key;
mod moment;
mod network;
mod node;
mod provider;
mod services;
mod simulation;
mod table;
mod worker;

pub use amounts::{
    parse_basis_points, parse_display_name, parse_duration, parse_listen, parse_mebibytes, parse_price, parse_seconds,
    parse_usdc, parse_version,
};
pub use balance::{BalanceCommand, DepositBalance, ShowBalance, WithdrawBalance};
pub use delegate::{AllowDelegate, DelegateCommand, RevokeDelegate, ShowDelegates};
pub use dispute::{DisputeCommand, RuleDispute, RulingArg};
pub use job::{
    AcceptJob, AuctionOf, DisputeLease, ExtendJob, JobCommand, JobReference, LogsOf, OutputsOf, ScheduleJob, SubmitJob,
    UnlockJob,
};
pub use key::{KeyCommand, NewKey, ShowKey};
pub use moment::{Moment, parse_moment};
pub use network::{
    ChangeParameters, DemoNetwork, HandOver, InitNetwork, LocalnetCommand, LocalnetUp, NetworkCommand, ReplaceRole,
    RoleArg,
};
pub use node::{AddNode, ListNodes, NodeCommand, NodeReference, RotateNodeKey, ServiceLevelArg, UpdateNode};
pub use provider::{
    ChangePayout, ProviderCommand, ProviderStatusArg, RegisterProvider, SetProviderStatus, ShowProvider, StakeProvider,
    UnstakeProvider, WithdrawProvider,
};
pub use services::{OrchestratorCommand, RunOrchestrator};
pub use simulation::{ReplaySimulation, SimulationCommand};
pub use worker::{
    AskWorker, DATA_DIR, DrainWorker, EarningsBy, ExamineRig, InstallWorker, PrepareRig, RigOptions, RigToLookAt,
    RunWorker, SERVICE_DATA_DIR, ShowEarnings, UninstallWorker, WorkerCommand,
};

/// A GPU compute market on Solana: offer rigs, send container jobs, pay per attested second
#[derive(Debug, Parser)]
#[command(name = "millrace", version, arg_required_else_help = true)]
#[command(after_help = after_help())]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Print results as JSON on stdout, failures as JSON on stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// Config file
    #[arg(long, global = true, value_name = "PATH", hide_short_help = true)]
    pub config: Option<PathBuf>,
    /// Solana JSON-RPC endpoint
    #[arg(long, global = true, value_name = "URL")]
    pub rpc_url: Option<String>,
    /// Solana WebSocket endpoint [default: next port after the RPC's]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub ws_url: Option<String>,
    /// HTTP endpoint of the network's orchestrator
    #[arg(long, global = true, value_name = "URL")]
    pub orchestrator_url: Option<String>,
    /// Keypair that signs and pays, as `millrace key new` or `solana-keygen` writes it
    #[arg(long, short, global = true, value_name = "PATH")]
    pub keypair: Option<PathBuf>,
}

impl GlobalArgs {
    /// Those that were given and that a following command of the same person needs too.
    pub fn to_carry(&self) -> String {
        let path = |path: &PathBuf| path.display().to_string();
        let given = [
            ("--config", self.config.as_ref().map(path)),
            ("--rpc-url", self.rpc_url.clone()),
            ("--ws-url", self.ws_url.clone()),
            ("--orchestrator-url", self.orchestrator_url.clone()),
            ("--keypair", self.keypair.as_ref().map(path)),
        ];
        let words =
            given.into_iter().filter_map(|(flag, value)| value.map(|value| format!("{flag} {}", quoted(&value))));
        words.collect::<Vec<_>>().join(" ")
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// See the whole market work on this machine: a chain, an orchestrator, three workers, one render job
    Demo(DemoNetwork),
    /// Send container jobs, follow them, fetch their outputs
    #[command(subcommand)]
    Job(JobCommand),
    /// Prepay, so that jobs are paid without the wallet at hand
    #[command(subcommand)]
    Balance(BalanceCommand),
    /// Let other keys open jobs from your prepaid balance
    #[command(subcommand)]
    Delegate(DelegateCommand),
    /// Register as a provider, stake, see and take out what was earned
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Offer rigs, change and withdraw them
    #[command(subcommand)]
    Node(NodeCommand),
    /// Run the worker of a rig
    #[command(subcommand)]
    Worker(WorkerCommand),
    /// Run the network's orchestrator
    #[command(subcommand)]
    Orchestrator(OrchestratorCommand),
    /// Make keys and show their addresses
    #[command(subcommand)]
    Key(KeyCommand),
    /// Decide what buyers dispute
    #[command(subcommand)]
    Dispute(DisputeCommand),
    /// Set up a network on a chain, and run it
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Run a Solana network in this process, with the program and a test USDC loaded
    #[command(subcommand)]
    Localnet(LocalnetCommand),
    /// Look into simulations of the whole network, which `./dev sim` runs
    #[command(subcommand)]
    Sim(SimulationCommand),
}

fn after_help() -> String {
    format!(
        "{}\n\nExit status:\n  0  done\n  1  failed or refused\n  2  called wrongly\n  3  something outside cannot be \
         reached (RPC, orchestrator, Docker)\n\nExamples:\n  millrace demo\n  millrace job submit \
         examples/render/job.toml --follow\n  millrace job show <JOB>",
        crate::environment::help()
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_do_not_contradict_each_other() {
        super::Cli::command().debug_assert();
    }
}
