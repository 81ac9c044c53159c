use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and write it to a file that only you can read
    New(NewKey),
    /// Print the address of a key
    Show(ShowKey),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace key new ~/.config/solana/id.json
  millrace key new keys/scheduler.json")]
pub struct NewKey {
    /// File to write; one that exists is never overwritten
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millrace key show
  millrace key show keys/scheduler.json
  millrace localnet up --fund $(millrace key show keys/buyer.json)=1000")]
pub struct ShowKey {
    /// Keypair file [default: the key that commands sign with]
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
}
