//! One file per command.

use millrace_protocol::NodeStatus;

use crate::args::{
    BalanceCommand, Command, DelegateCommand, DisputeCommand, JobCommand, KeyCommand, LocalnetCommand, NetworkCommand,
    NodeCommand, OrchestratorCommand, ProviderCommand, SimulationCommand, WorkerCommand,
};
use crate::context::Context;
use crate::errors::Failure;

pub mod accept_job;
pub mod add_node;
pub mod allow_delegate;
pub mod audit_auction;
pub mod cancel_job;
pub mod change_parameters;
pub mod change_payout;
pub mod close_balance;
pub mod close_provider;
pub mod deposit_balance;
pub mod dispute_lease;
pub mod drain_worker;
pub mod examine_rig;
pub mod explain_job;
pub mod extend_job;
pub mod hand_over;
pub mod init_network;
pub mod install_worker;
pub mod job_logs;
pub mod job_outputs;
pub mod list_disputes;
pub mod list_jobs;
pub mod list_nodes;
pub mod localnet_up;
pub mod new_key;
pub mod pause_network;
pub mod prepare_rig;
pub mod prove_gpu;
pub mod register_provider;
pub mod remove_node;
pub mod replace_role;
pub mod replay_simulation;
pub mod revoke_delegate;
pub mod rotate_node_key;
pub mod rule_dispute;
pub mod run_demo;
pub mod run_orchestrator;
pub mod run_worker;
pub mod schedule_job;
pub mod set_node_status;
pub mod set_provider_status;
pub mod settle_job;
pub mod show_balance;
pub mod show_delegates;
pub mod show_job;
pub mod show_key;
pub mod show_network;
pub mod show_provider;
pub mod stake_provider;
pub mod submit_job;
pub mod sweep_fees;
pub mod take_over;
pub mod uninstall_worker;
pub mod unlock_job;
pub mod unstake_provider;
pub mod update_node;
pub mod watch_worker;
pub mod withdraw_balance;
pub mod withdraw_provider;
pub mod worker_bids;
pub mod worker_earnings;
pub mod worker_status;

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
        Command::Job(JobCommand::Schedule(args)) => schedule_job::run(context, *args).await,
        Command::Job(JobCommand::List) => list_jobs::run(context).await,
        Command::Job(JobCommand::Explain(args)) => explain_job::run(context, args).await,
        Command::Job(JobCommand::Show(args)) => show_job::run(context, args).await,
        Command::Job(JobCommand::Auction(args)) => audit_auction::run(context, args).await,
        Command::Job(JobCommand::Logs(args)) => job_logs::run(context, args).await,
        Command::Job(JobCommand::Outputs(args)) => job_outputs::run(context, args).await,
        Command::Job(JobCommand::Unlock(args)) => unlock_job::run(context, args).await,
        Command::Job(JobCommand::Cancel(args)) => cancel_job::run(context, args).await,
        Command::Job(JobCommand::Extend(args)) => extend_job::run(context, args).await,
        Command::Job(JobCommand::Accept(args)) => accept_job::run(context, args).await,
        Command::Job(JobCommand::Dispute(args)) => dispute_lease::run(context, args).await,
        Command::Job(JobCommand::Settle(args)) => settle_job::run(context, args).await,
        Command::Balance(BalanceCommand::Deposit(args)) => deposit_balance::run(context, args).await,
        Command::Balance(BalanceCommand::Withdraw(args)) => withdraw_balance::run(context, args).await,
        Command::Balance(BalanceCommand::Show(args)) => show_balance::run(context, args).await,
        Command::Balance(BalanceCommand::Close) => close_balance::run(context).await,
        Command::Delegate(DelegateCommand::Allow(args)) => allow_delegate::run(context, args).await,
        Command::Delegate(DelegateCommand::Revoke(args)) => revoke_delegate::run(context, args).await,
        Command::Delegate(DelegateCommand::Show(args)) => show_delegates::run(context, args).await,
        Command::Provider(ProviderCommand::Register(args)) => register_provider::run(context, args).await,
        Command::Provider(ProviderCommand::Show(args)) => show_provider::run(context, args).await,
        Command::Provider(ProviderCommand::Stake(args)) => stake_provider::run(context, args).await,
        Command::Provider(ProviderCommand::Unstake(args)) => unstake_provider::run(context, args).await,
        Command::Provider(ProviderCommand::Withdraw(args)) => withdraw_provider::run(context, args).await,
        Command::Provider(ProviderCommand::Payout(args)) => change_payout::run(context, args).await,
        Command::Provider(ProviderCommand::Sweep(args)) => sweep_fees::run(context, args).await,
        Command::Provider(ProviderCommand::Status(args)) => set_provider_status::run(context, args).await,
        Command::Provider(ProviderCommand::Close) => close_provider::run(context).await,
        Command::Node(NodeCommand::Add(args)) => add_node::run(context, args).await,
        Command::Node(NodeCommand::List(args)) => list_nodes::run(context, args).await,
        Command::Node(NodeCommand::Update(args)) => update_node::run(context, args).await,
        Command::Node(NodeCommand::Drain(args)) => set_node_status::run(context, args, NodeStatus::Draining).await,
        Command::Node(NodeCommand::Resume(args)) => set_node_status::run(context, args, NodeStatus::Active).await,
        Command::Node(NodeCommand::RotateKey(args)) => rotate_node_key::run(context, args).await,
        Command::Node(NodeCommand::Remove(args)) => remove_node::run(context, args).await,
        Command::Worker(command) => run_of_rig(context, context.settings.complete(command)).await,
        Command::Orchestrator(OrchestratorCommand::Run(args)) => run_orchestrator::run(context, args).await,
        Command::Dispute(DisputeCommand::List) => list_disputes::run(context).await,
        Command::Dispute(DisputeCommand::Rule(args)) => rule_dispute::run(context, args).await,
        Command::Network(NetworkCommand::Init(args)) => init_network::run(context, args).await,
        Command::Network(NetworkCommand::Show) => show_network::run(context).await,
        Command::Network(NetworkCommand::Change(args)) => change_parameters::run(context, args).await,
        Command::Network(NetworkCommand::Replace(args)) => replace_role::run(context, args).await,
        Command::Network(NetworkCommand::Pause) => pause_network::run(context, true).await,
        Command::Network(NetworkCommand::Resume) => pause_network::run(context, false).await,
        Command::Network(NetworkCommand::HandOver(args)) => hand_over::run(context, args).await,
        Command::Network(NetworkCommand::TakeOver) => take_over::run(context).await,
        Command::Localnet(LocalnetCommand::Up(args)) => localnet_up::run(context, args).await,
        Command::Sim(SimulationCommand::Replay(args)) => replay_simulation::run(context, args),
    }
}

/// The commands of a rig, with what its owner has set once.
async fn run_of_rig(context: &Context<'_>, command: WorkerCommand) -> Result<(), Failure> {
    match command {
        WorkerCommand::Run(args) => run_worker::run(context, args).await,
        WorkerCommand::Doctor(args) => examine_rig::run(context, args).await,
        WorkerCommand::Init(args) => prepare_rig::run(context, args).await,
        WorkerCommand::Status(args) => worker_status::run(context, args).await,
        WorkerCommand::Top(args) => watch_worker::run(context, args).await,
        WorkerCommand::Drain(args) => drain_worker::run(context, args).await,
        WorkerCommand::Bids(args) => worker_bids::run(context, args).await,
        WorkerCommand::Earnings(args) => worker_earnings::run(context, args).await,
        WorkerCommand::Install(args) => install_worker::run(context, args),
        WorkerCommand::Prove => prove_gpu::run(),
        WorkerCommand::Uninstall(args) => uninstall_worker::run(context, args).await,
    }
}
