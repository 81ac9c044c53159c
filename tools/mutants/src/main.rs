//! Takes one check of the program away at a time, or turns a condition round, and says which of them no
//! test misses.
//!
//! `cargo mutants` changes operators and results of functions, and builds each change. What guards an
//! Anchor program is written where it does not look: in attributes (`has_one`, `constraint`, `address`),
//! in types (`Signer`, `Program`) and in macros (`require!`). And hundreds of builds take a day. So a
//! copy of the program gets a switch for every mutant at once, is built once, and its tests run as native
//! code with one number in the environment after the other:
//!
//! - `require!(…);`, `account.check()?;`, `account.rules()?;` stand under `if !absent(n)`; what checks
//!   at the end of a function is `Ok(())` where it is absent, and so is `#[access_control(…)]`;
//! - `constraint = x` is `absent(n) || (x)`, `has_one = f` such a constraint of the two keys, and
//!   `address = x` is the account's own where it is absent;
//! - `Signer` and `Program` are unchecked accounts with such a constraint;
//! - conditions are reversed, lose one of their parts, and orders their bound or gain it;
//! - functions without a result do nothing; fields of a new account are zero.
//!
//! Without a number the copy does what the program does: `has_one`, `constraint` and `address` refuse in
//! the same order, and all tests pass, which is tried first. What only the compiler can take away
//! (`close`, `seeds`, `Account`) goes a few at a time, never two of one file, and alone where the
//! tests of its own instruction do not miss it.
//!
//! A mutant is caught by the tests of its own instruction, or else by any other of the program's.

mod account_type;
mod calls;
mod clause;
mod copy;
mod edit;
mod finder;
mod hunt;
mod mutants;
mod survivors;
mod trial;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::hunt::Hunt;

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
    /// Only mutants whose name contains this.
    #[arg(default_value = "")]
    filter: String,
    /// Names them and tries none.
    #[arg(long)]
    list: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let sources = mutants::sources(&arguments.root, SOURCES)?;
    let mutants = mutants::find_all(&sources)?;
    let chosen: Vec<_> = mutants.iter().filter(|mutant| mutant.name().contains(&arguments.filter)).collect();
    if arguments.list {
        chosen.iter().for_each(|mutant| println!("{}", mutant.name()));
        return Ok(ExitCode::SUCCESS);
    }
    let known = survivors::read(&arguments.root)?;
    let (tree, target) = (arguments.scratch.join("tree"), arguments.scratch.join("target"));
    copy::refresh(&arguments.root, &tree)?;
    let mut hunt = Hunt::new(&tree, &target, &sources, &mutants, known);
    hunt.switched(&chosen)?;
    hunt.built(&chosen)?;
    println!("{}", hunt.summary());
    Ok(if hunt.surprises() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
