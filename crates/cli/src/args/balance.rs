use clap::{ArgGroup, Args, Subcommand};
use millrace_protocol::{Address, MicroUsdc};

use super::parse_usdc;

#[derive(Debug, Subcommand)]
pub enum BalanceCommand {
    /// Put USDC into your prepaid balance; the first deposit opens it
    Deposit(DepositBalance),
    /// Take USDC out of your prepaid balance
    Withdraw(WithdrawBalance),
    /// Show a prepaid balance, and what became of all that was put in
    Show(ShowBalance),
    /// Take out what is left and close the balance; its rent comes back
    #[command(after_help = "Example:
  millrace balance close")]
    Close,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace balance deposit 100")]
pub struct DepositBalance {
    /// Amount in USDC, from your keypair's USDC account
    #[arg(value_name = "USDC", allow_negative_numbers = true, value_parser = parse_usdc)]
    pub amount: MicroUsdc,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace balance withdraw 12.5
  millrace balance withdraw --all")]
#[command(group(ArgGroup::new("part").args(["amount", "all"]).required(true)))]
pub struct WithdrawBalance {
    /// Amount in USDC, to your keypair's USDC account
    #[arg(value_name = "USDC", allow_negative_numbers = true, value_parser = parse_usdc)]
    pub amount: Option<MicroUsdc>,
    /// All that is in it
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace balance show
  millrace balance show --owner 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin")]
pub struct ShowBalance {
    /// Whose balance [default: your keypair's]
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<Address>,
}
