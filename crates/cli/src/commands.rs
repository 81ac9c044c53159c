//! One file per command.

use crate::args::{
    Command, JobCommand, KeyCommand, LocalnetCommand, NetworkCommand, NodeCommand, OrchestratorCommand,
    ProviderCommand, WorkerCommand,
};
use crate::context::Context;
use crate::errors::Failure;

pub mod accept_job;
pub mod add_node;
pub mod cancel_job;
pub mod dispute_lease;
pub mod init_network;
pub mod job_logs;
pub mod job_outputs;
pub mod list_jobs;
pub mod localnet_up;
pub mod new_key;
pub mod register_provider;
pub mod run_demo;
pub mod run_orchestrator;
pub mod run_worker;
pub mod show_job;
pub mod show_key;
pub mod show_provider;
pub mod stake_provider;
pub mod submit_job;

/// Runs one command.
///
/// # Errors
/// Why it failed, ready to be shown.
pub async fn run(context: &Context<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => run_demo::run(context, args).await,
        Command::Key(KeyCommand::New(args)) => new_key::run(context, args),
        Command::Key(KeyCommand::Show(args)) => show_key::run(context, args),
        Command::Job(JobCommand::Submit(args)) => submit_job::run(context, args).await,
        Command::Job(JobCommand::List(args)) => list_jobs::run(context, args).await,
        Command::Job(JobCommand::Show(args)) => show_job::run(context, args).await,
        Command::Job(JobCommand::Logs(args)) => job_logs::run(context, args).await,
        Command::Job(JobCommand::Outputs(args)) => job_outputs::run(context, args).await,
        Command::Job(JobCommand::Cancel(args)) => cancel_job::run(context, args).await,
        Command::Job(JobCommand::Accept(args)) => accept_job::run(context, args).await,
        Command::Job(JobCommand::Dispute(args)) => dispute_lease::run(context, args).await,
        Command::Provider(ProviderCommand::Register(args)) => register_provider::run(context, args).await,
        Command::Provider(ProviderCommand::Show(args)) => show_provider::run(context, args).await,
        Command::Provider(ProviderCommand::Stake(args)) => stake_provider::run(context, args).await,
        Command::Node(NodeCommand::Add(args)) => add_node::run(context, args).await,
        Command::Worker(WorkerCommand::Run(args)) => run_worker::run(context, args).await,
        Command::Orchestrator(OrchestratorCommand::Run(args)) => run_orchestrator::run(context, args).await,
        Command::Network(NetworkCommand::Init(args)) => init_network::run(context, args).await,
        Command::Localnet(LocalnetCommand::Up(args)) => localnet_up::run(context, args).await,
    }
}
