use clap::{Args, Subcommand};
use millrace_protocol::{Address, MicroUsdc, Seconds};

use super::{parse_seconds, parse_usdc};

#[derive(Debug, Subcommand)]
pub enum DelegateCommand {
    /// Let a key open jobs from your prepaid balance, or change what it may
    Allow(AllowDelegate),
    /// Take a key's allowance away: it opens no further job
    Revoke(RevokeDelegate),
    /// Show who may open jobs from a prepaid balance, for how much and until when
    Show(ShowDelegates),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace delegate allow <DELEGATE> --per-job 5 --total 200 --for 30d

A delegate opens jobs in your name. It can neither withdraw, extend nor cancel, and what a job does \
not use comes back to your balance.")]
pub struct AllowDelegate {
    /// The key that opens jobs: a build server's, a gateway's
    #[arg(value_name = "DELEGATE")]
    pub delegate: Address,
    /// Highest deposit of one job
    #[arg(long, value_name = "USDC", value_parser = parse_usdc)]
    pub per_job: MicroUsdc,
    /// Highest sum of all deposits ever; what comes back does not restore it
    #[arg(long, value_name = "USDC", value_parser = parse_usdc)]
    pub total: MicroUsdc,
    /// How long from now, such as `12h` or `30d`
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_seconds)]
    pub lasts: Seconds,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace delegate revoke 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin")]
pub struct RevokeDelegate {
    /// The delegate's key
    #[arg(value_name = "DELEGATE")]
    pub delegate: Address,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace delegate show
  millrace delegate show 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin")]
pub struct ShowDelegates {
    /// One delegate only [default: all of them]
    #[arg(value_name = "DELEGATE")]
    pub delegate: Option<Address>,
    /// Whose balance [default: your keypair's]
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<Address>,
}
