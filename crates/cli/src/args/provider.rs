use clap::{Args, Subcommand, ValueEnum};
use millrace_protocol::{Address, MicroUsdc};

use super::{parse_display_name, parse_usdc};

#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Register your keypair as a provider's owner
    Register(RegisterProvider),
    /// Add stake: it backs the bonds of leases on your nodes
    Stake(StakeProvider),
    /// Show a provider's stake, locked bonds and earnings
    Show(ShowProvider),
    /// Ask for stake back: it backs nothing more, and may leave after the network's unbonding time
    Unstake(UnstakeProvider),
    /// Take out what was earned, and the stake that may leave
    Withdraw(WithdrawProvider),
    /// Name the wallet that earnings go to; counts after the network's delay
    Payout(ChangePayout),
    /// Bring the network's share of a provider's payments to the treasury; anyone may
    #[command(after_help = "Examples:
  millrace provider sweep
  millrace provider sweep --owner 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin")]
    Sweep(ShowProvider),
    /// Take all of your rigs off the market for a while, or put them back
    Status(SetProviderStatus),
    /// Close a provider that has no rigs, stake or earnings left; its rent comes back
    #[command(after_help = "Example:
  millrace provider close")]
    Close,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace provider register --name \"Basement rigs\"")]
pub struct RegisterProvider {
    /// Name shown to buyers, up to 32 bytes
    #[arg(long, value_name = "NAME", value_parser = parse_display_name)]
    pub name: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace provider stake 250")]
pub struct StakeProvider {
    /// Amount in USDC, from your keypair's USDC account
    #[arg(value_name = "USDC", allow_negative_numbers = true, value_parser = parse_usdc)]
    pub amount: MicroUsdc,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace provider show
  millrace provider show --owner 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin")]
pub struct ShowProvider {
    /// Wallet that registered it [default: your keypair's]
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<Address>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace provider unstake 100")]
pub struct UnstakeProvider {
    /// Amount in USDC; at most what is free
    #[arg(value_name = "USDC", allow_negative_numbers = true, value_parser = parse_usdc)]
    pub amount: MicroUsdc,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace provider withdraw
  millrace --keypair payout.json provider withdraw --owner <ADDRESS>

Earnings go to the wallet that `provider payout` names, whoever asks; stake goes to the owner.")]
pub struct WithdrawProvider {
    /// Whose provider, where yours is the wallet that earnings go to [default: your keypair's]
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<Address>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace provider payout 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin

Naming the present wallet takes a change back that is under way.")]
pub struct ChangePayout {
    /// The wallet; earnings go to its USDC account
    #[arg(value_name = "ADDRESS")]
    pub to: Address,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace provider status draining
  millrace provider status active")]
pub struct SetProviderStatus {
    /// What all of your rigs do
    #[arg(value_name = "STATUS", value_enum)]
    pub status: ProviderStatusArg,
}

/// What an owner may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProviderStatusArg {
    /// They take leases
    Active,
    /// They finish their leases and take no further one
    Draining,
}
