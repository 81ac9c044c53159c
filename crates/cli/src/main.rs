use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use millrace_cli::args::Cli;
use millrace_cli::errors::{ExitClass, Failure};
use millrace_cli::output;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => millrace_cli::run(cli),
        // No command at all: the help is the better answer.
        Err(help) if help.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = help.print();
            ExitCode::from(ExitClass::Usage as u8)
        }
        Err(error) if error.use_stderr() => {
            // The flag itself may be on the line that does not parse.
            let json = std::env::args().any(|argument| argument == "--json");
            let failure = Failure::of_arguments(&error);
            output::choose(json, String::new()).failure(&failure);
            ExitCode::from(failure.class as u8)
        }
        // Help and version, which were asked for.
        Err(help) => {
            let _ = help.print();
            ExitCode::SUCCESS
        }
    }
}
