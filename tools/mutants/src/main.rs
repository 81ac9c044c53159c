//! Takes one check of the program away at a time, and says which of them no test misses.
//!
//! `cargo mutants` changes operators and results of functions. What guards an Anchor program is
//! written where it does not look: in attributes (`has_one`, `constraint`, `address`), in types
//! (`Signer`, `Program`) and in macros (`require!`). Each of those is taken out of a copy of the
//! sources, and the program's tests run on what is left, as native code.

mod checks;
mod survivors;
mod trial;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::checks::Check;
use crate::trial::{Outcome, Trial};

/// Where the checks are.
const SOURCES: &str = "programs/millrace/src";

#[derive(Parser)]
struct Arguments {
    /// The repository.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// Where the copy and what is built of it lie.
    #[arg(long)]
    scratch: PathBuf,
    /// Only checks whose name contains this.
    #[arg(default_value = "")]
    filter: String,
    /// Names the checks and tries none.
    #[arg(long)]
    list: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let known = survivors::read(&arguments.root)?;
    let checks = checks::find_all(&arguments.root, SOURCES)?;
    let checks: Vec<_> = checks.into_iter().filter(|check| check.name().contains(&arguments.filter)).collect();
    if arguments.list {
        checks.iter().for_each(|check| println!("{}", check.name()));
        return Ok(ExitCode::SUCCESS);
    }
    let trial = Trial::prepare(&arguments.root, &arguments.scratch)?;
    trial.baseline().context("the tests fail before anything is taken away")?;
    let mut surprises = 0;
    let mut counts = [0; 3];
    for check in &checks {
        let outcome = trial.without(check)?;
        counts[outcome as usize] += 1;
        let reason = known.get(&check.key()).or_else(|| known.get(check.text()));
        report(check, outcome, reason, &mut surprises);
    }
    let [caught, missed, unviable] = counts;
    println!("{} checks: {caught} caught, {missed} missed, {unviable} do not compile without", checks.len());
    Ok(if surprises == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(check: &Check, outcome: Outcome, reason: Option<&String>, surprises: &mut usize) {
    match (outcome, reason) {
        (Outcome::Missed, Some(reason)) => println!("KNOWN    {}: {reason}", check.name()),
        (Outcome::Missed, None) => {
            *surprises += 1;
            println!("MISSED   {}", check.name());
        }
        (Outcome::Unviable, _) => println!("UNVIABLE {}", check.name()),
        (Outcome::Caught, _) => {}
    }
}
