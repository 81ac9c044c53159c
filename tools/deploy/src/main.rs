//! `millrace-deploy write` makes `programs/millrace/deploy`; `millrace-deploy check` says what in
//! it no longer belongs to the sources.

use std::env;
use std::error::Error as _;
use std::process::ExitCode;

use millrace_deploy::{Error, Toolchain, differences, workspace_root, write};

fn main() -> ExitCode {
    let workspace = workspace_root();
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
