//! `millrace-deploy write` makes `programs/millrace/deploy` of the checkout it is run in; `millrace-deploy
//! check` says what in it no longer belongs to the sources.

use std::env;
use std::error::Error as _;
use std::process::ExitCode;

use millrace_deploy::{Error, Toolchain, differences, write};

fn main() -> ExitCode {
    // Not the checkout this program was compiled in: several share one folder of built programs.
    let workspace = match env::current_dir() {
        Ok(folder) if folder.join("Anchor.toml").is_file() => folder,
        _ => return fail("run this at the root of the repository"),
    };
    let done = match env::args().nth(1).as_deref() {
        Some("write") => match Toolchain::find() {
            Some(toolchain) => write(&workspace, &toolchain),
            None => return fail("the SBPF toolchain is not installed: run tools/sbf/install"),
        },
        Some("check") => differences(&workspace).map(|lines| lines.iter().for_each(|line| println!("{line}"))),
        _ => return fail("usage: millrace-deploy write|check"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&describe(&error)),
    }
}

fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

fn fail(message: &str) -> ExitCode {
    eprintln!("millrace-deploy: {message}");
    ExitCode::FAILURE
}
