use std::process::ExitCode;

use clap::Parser;
use millrace_cli::args::Cli;

fn main() -> ExitCode {
    // Clap prints its own usage errors and exits with status 2, the class of usage errors here too.
    millrace_cli::run(Cli::parse())
}
