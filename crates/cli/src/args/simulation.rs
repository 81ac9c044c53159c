use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum SimulationCommand {
    /// Run a recorded simulation again and print what happens, line by line
    Replay(ReplaySimulation),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ./dev sim                                records each failing seed, and says where
  ./dev sim record 38 > 38.jsonl           records any seed
  millrace sim replay 38.jsonl
  millrace sim replay 38.jsonl --about J0 --about L0.1@140

`N3` is a node, `P3` its provider, `J0` a job, `L0.1@140` the second lease of J0, which was opened in slot 140.
Everything but the scheduler, the agents and the market's rules is simulated. Fails where a rule is broken.")]
pub struct ReplaySimulation {
    /// A recording, as `./dev sim` writes it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print only what names this node, job, lease or part (`scheduler`, `chain`, `fault`); may be repeated
    #[arg(long, value_name = "NAME")]
    pub about: Vec<String>,
    /// Print heartbeats, too
    #[arg(long)]
    pub heartbeats: bool,
}
