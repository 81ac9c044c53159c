//! The tests of a copy, built once and run as often as there are checks.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::copy;

/// The program's tests and its own, and those that put accounts into states which no instruction brings
/// about; all on native code alone.
const PACKAGES: &[&str] = &["millrace-program-tests", "millrace-adversary", "millrace-program"];
/// Of `millrace-program-tests`: one module for each instruction.
const PROGRAM_TESTS: &str = "program";

/// Of these: random lives of the whole market, which take longer than everything else.
const LIVES: &str = "agreement::";

/// Of `millrace-adversary`: every life of the fuzzer's corpus.
const CORPUS: &str = "corpus";

/// What one line of `cargo test --message-format=json-render-diagnostics` may say.
#[derive(Deserialize)]
struct Message {
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// One built test binary.
struct Binary {
    name: String,
    path: PathBuf,
    /// Tests run in their package's folder.
    folder: PathBuf,
}

pub struct Tests {
    binaries: Vec<Binary>,
}

/// Builds the tests of the copy; `None` where they do not compile.
///
/// # Errors
/// When cargo does not start, or builds nothing.
pub fn build(tree: &Path, target: &Path) -> Result<Option<Tests>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "test",
        "--no-run",
        "--quiet",
        "--tests",
        "--no-default-features",
        "--message-format=json-render-diagnostics",
    ]);
    PACKAGES.iter().for_each(|package| {
        cargo.args(["--package", package]);
    });
    // Lines of panics are of no use here, and cost as much time as the code.
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_TARGET_DIR", target);
    let output = cargo.current_dir(tree).stderr(Stdio::inherit()).output().context("cargo")?;
    if !output.status.success() {
        return Ok(None);
    }
    let mut binaries = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let message: Message = serde_json::from_str(line).context("cargo's messages")?;
        if let Message { manifest_path: Some(manifest), target: Some(target), executable: Some(path) } = message {
            let folder = manifest.parent().context("a manifest has a folder")?.to_owned();
            binaries.push(Binary { name: target.name, path, folder });
        }
    }
    // The instructions' own tests first, the longest last.
    binaries.sort_by_key(|binary| (binary.name != PROGRAM_TESTS, binary.name == CORPUS));
    if binaries.first().is_none_or(|binary| binary.name != PROGRAM_TESTS) {
        bail!("cargo built no test `{PROGRAM_TESTS}`");
    }
    Ok(Some(Tests { binaries }))
}

impl Tests {
    /// # Errors
    /// When a test fails with nothing changed: what it says.
    pub fn baseline(&self) -> Result<()> {
        for binary in &self.binaries {
            let output = command(binary, &[], &[]).output().with_context(|| binary.path.display().to_string())?;
            ensure!(output.status.success(), "{}: {}", binary.name, String::from_utf8_lossy(&output.stdout));
        }
        Ok(())
    }

    /// Whether the tests of one instruction fail without what has these numbers.
    ///
    /// # Errors
    /// When a test binary does not start.
    pub fn module_fails(&self, module: &str, numbers: &[usize]) -> Result<bool> {
        Ok(!passes(&self.binaries[0], &[module], numbers)?)
    }

    /// Whether any test fails without what has these numbers: those of one instruction are asked first.
    ///
    /// # Errors
    /// When a test binary does not start.
    pub fn any_fails(&self, own: Option<&str>, numbers: &[usize]) -> Result<bool> {
        let (program, others) = self.binaries.split_at(1);
        let mut stages: Vec<(&Binary, Vec<&str>)> = own.map(|module| (&program[0], vec![module])).into_iter().collect();
        stages.push((&program[0], vec!["--skip", LIVES]));
        stages.extend(others.iter().map(|binary| (binary, vec![])));
        stages.push((&program[0], vec![LIVES]));
        for (binary, arguments) in stages {
            if !passes(binary, &arguments, numbers)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn passes(binary: &Binary, arguments: &[&str], numbers: &[usize]) -> Result<bool> {
    let status = command(binary, arguments, numbers).stdout(Stdio::null()).stderr(Stdio::null()).status();
    Ok(status.with_context(|| binary.path.display().to_string())?.success())
}

fn command(binary: &Binary, arguments: &[&str], numbers: &[usize]) -> Command {
    let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    let mut tests = Command::new(&binary.path);
    tests.args(arguments).arg("--quiet").current_dir(&binary.folder);
    tests.env(copy::VARIABLE, numbers.join(",")).env("MILLRACE_CHAIN", "native");
    // Few random lives of the market are enough beside the tests of each check.
    tests.env("PROPTEST_CASES", "4").env("PROPTEST_RNG_SEED", "1").env("RUST_BACKTRACE", "0");
    tests
}
