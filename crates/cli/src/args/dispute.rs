use clap::{Args, Subcommand, ValueEnum};
use millrace_protocol::{Address, Ruling};

#[derive(Debug, Subcommand)]
pub enum DisputeCommand {
    /// List the disputes that wait for a ruling, the most urgent first
    #[command(after_help = "Example:
  millrace dispute list")]
    List,
    /// Rule on a disputed lease. The arbiter only
    Rule(RuleDispute),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace dispute rule 9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin split")]
pub struct RuleDispute {
    /// The disputed lease
    #[arg(value_name = "LEASE")]
    pub lease: Address,
    #[arg(value_name = "RULING")]
    pub ruling: RulingArg,
}

/// What the arbiter may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RulingArg {
    /// Settled as reported; the challenger's bond goes to the provider
    ProviderRight,
    /// What was not paid stays with the buyer, the provider's bond is forfeit, the challenger's returns
    BuyerRight,
    /// Half of what was not paid yet is paid; both bonds return
    Split,
}

impl From<RulingArg> for Ruling {
    fn from(ruling: RulingArg) -> Self {
        match ruling {
            RulingArg::ProviderRight => Self::ProviderRight,
            RulingArg::BuyerRight => Self::BuyerRight,
            RulingArg::Split => Self::Split,
        }
    }
}
