//! The `millrace` command: one binary for buyers, providers and operators.
//!
//! [`args`] is clap and nothing else; [`commands`] has one file per command, each a function from
//! its arguments and a [`context::Context`] to a report or a failure; [`output`] shows both, to people
//! or as JSON; [`settings`] says where keys and endpoints come from.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use crate::args::Cli;
use crate::context::Context;
use crate::errors::Failure;

pub mod args;
pub mod audit;
pub mod clock;
pub mod commands;
pub mod context;
pub mod demo;
pub mod environment;
pub mod errors;
pub mod follow;
pub mod logging;
pub mod market;
pub mod output;
pub mod patience;
pub mod rigs;
pub mod roles;
pub mod schedule;
pub mod sealing;
pub mod settings;
pub mod shell;
pub mod signals;
pub mod stage;
pub mod submission;
pub mod systemd;
pub mod top;
pub mod transfer;
pub mod views;

/// Runs one command to its end and says how it went.
pub fn run(cli: Cli) -> ExitCode {
    let output = output::choose(cli.global.json, cli.global.to_carry());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error[runtime]: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended: Result<(), Failure> = runtime.block_on(async {
        let context = Context::new(&cli, output.as_ref())?;
        commands::run(&context, cli.command).await
    });
    // What a service left running in the background must not keep the process alive.
    runtime.shutdown_background();
    // A command may fail after its report, which then tells what it did.
    let failures: Vec<Failure> = [ended, output.finish()].into_iter().filter_map(Result::err).collect();
    for failure in &failures {
        output.failure(failure);
    }
    failures.first().map_or(ExitCode::SUCCESS, |failure| ExitCode::from(failure.class as u8))
}
