//! A copy of the sources, tried with one check less.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

use crate::checks::Check;

/// The tests of the program, on native code alone.
const PROGRAM_TESTS: &[&str] = &["--package", "millrace-program-tests", "--no-default-features", "--test", "program"];
/// Those that put accounts into states which no instruction brings about, and the fuzzer's corpus.
const HOSTILE_TESTS: &[&str] = &["--package", "millrace-adversary", "--tests"];
/// The program's own.
const UNIT_TESTS: &[&str] = &["--package", "millrace-program", "--lib"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Caught,
    Missed,
    /// Does not compile.
    Unviable,
}

pub struct Trial {
    tree: PathBuf,
    target: PathBuf,
}

impl Trial {
    /// Copies what git tracks, as it lies there now.
    pub fn prepare(root: &Path, scratch: &Path) -> Result<Self> {
        let (tree, target) = (scratch.join("tree"), scratch.join("target"));
        let files = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
        ensure!(files.status.success(), "git ls-files: {}", String::from_utf8_lossy(&files.stderr));
        if tree.exists() {
            fs::remove_dir_all(&tree)?;
        }
        for file in String::from_utf8(files.stdout)?.split_terminator('\0') {
            let (from, to) = (root.join(file), tree.join(file));
            // Deleted, and not yet told git.
            if from.is_file() {
                fs::create_dir_all(to.parent().context("a file has a folder")?)?;
                fs::copy(&from, &to).with_context(|| file.to_owned())?;
            }
        }
        Ok(Self { tree, target })
    }

    /// # Errors
    /// When the sources as they are do not pass.
    pub fn baseline(&self) -> Result<()> {
        for tests in [PROGRAM_TESTS, HOSTILE_TESTS, UNIT_TESTS] {
            let run = self.cargo(tests, &[])?;
            let output = [run.stdout, run.stderr].concat();
            ensure!(run.status.success(), "{}", String::from_utf8_lossy(&output));
        }
        Ok(())
    }

    /// # Errors
    /// When a file cannot be written, or cargo not started.
    pub fn without(&self, check: &Check) -> Result<Outcome> {
        let file = self.tree.join(&check.file);
        let source = fs::read_to_string(&file)?;
        fs::write(&file, check.removed_from(&source))?;
        let outcome = self.outcome();
        fs::write(&file, source)?;
        outcome
    }

    fn outcome(&self) -> Result<Outcome> {
        if !self.cargo(PROGRAM_TESTS, &["--no-run"])?.status.success() {
            return Ok(Outcome::Unviable);
        }
        let passes = |tests| Ok::<_, anyhow::Error>(self.cargo(tests, &[])?.status.success());
        // The program's own tests need a build of their own, so they come last.
        let missed = passes(PROGRAM_TESTS)? && passes(HOSTILE_TESTS)? && passes(UNIT_TESTS)?;
        Ok(if missed { Outcome::Missed } else { Outcome::Caught })
    }

    fn cargo(&self, tests: &[&str], more: &[&str]) -> Result<Output> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["test", "--quiet"]).args(tests).args(more);
        // Lines of panics are of no use here, and cost as much time as the code.
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_TARGET_DIR", &self.target).env("MILLRACE_CHAIN", "native");
        // Few random lives of the market are enough beside the tests of each check.
        cargo.env("PROPTEST_CASES", "4").env("PROPTEST_RNG_SEED", "1").env("RUST_BACKTRACE", "0");
        Ok(cargo.current_dir(&self.tree).output()?)
    }
}
