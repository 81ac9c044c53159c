//! What the program is built from besides its own sources.
//!
//! `Cargo.lock` as a whole would be too much: every change anywhere in the workspace would make
//! the deployed program look stale. Its part for the program, as cargo resolves it with the
//! program's own features, is exact.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Error, PACKAGE, sources};

#[derive(Deserialize)]
struct Lock {
    package: Vec<LockedPackage>,
}

#[derive(Deserialize)]
struct LockedPackage {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Registry checksum of every crate that goes into the program, by `name version`. Development
/// dependencies do not count, and neither do the workspace's own crates: their files are hashed.
pub(crate) fn checksums(workspace: &Path) -> Result<BTreeMap<String, String>, Error> {
    let path = workspace.join("Cargo.lock");
    let lock: Lock =
        toml::from_str(&read(&path)?).map_err(|error| Error::Malformed { path, reason: error.to_string() })?;
    let locked: BTreeMap<String, String> = lock
        .package
        .into_iter()
        .filter_map(|package| Some((format!("{} {}", package.name, package.version), package.checksum?)))
        .collect();
    let used = resolved(workspace)?;
    Ok(locked.into_iter().filter(|(package, _)| used.contains(package)).collect())
}

/// `name version` of the program's dependencies, for every platform.
fn resolved(workspace: &Path) -> Result<Vec<String>, Error> {
    let program = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(&program)
        .args(["tree", "--package", PACKAGE, "--edges", "normal,build", "--target", "all"])
        .args(["--prefix", "none", "--format", "{p}", "--no-dedupe", "--quiet"])
        .current_dir(workspace)
        .output()
        .map_err(|source| Error::Run { program: program.clone(), source })?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Failed { program: "cargo tree".into(), stderr });
    }
    // Lines such as `anchor-lang v1.2.2 (proc-macro)`.
    let mut used: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| format!("{name} {}", rest.split(' ').next().unwrap_or_default()))
        .collect();
    used.sort();
    used.dedup();
    Ok(used)
}

/// Hash of what the root `Cargo.toml` decides about the program: the release profile, and the
/// entries that the program's and the protocol crate's manifests inherit.
pub(crate) fn workspace_settings(workspace: &Path) -> Result<String, Error> {
    let root = parse(&workspace.join("Cargo.toml"))?;
    let mut inherited = BTreeMap::new();
    for member in ["programs/millrace/Cargo.toml", "crates/protocol/Cargo.toml"] {
        let manifest = parse(&workspace.join(member))?;
        for (name, entry) in manifest["dependencies"].as_object().into_iter().flatten() {
            if entry["workspace"] == Value::Bool(true) {
                inherited.insert(name.clone(), root["workspace"]["dependencies"][name].clone());
            }
        }
    }
    let decided = json!({
        "profile": root["profile"]["release"],
        "dependencies": inherited,
        "edition": root["workspace"]["package"]["edition"],
        "version": root["workspace"]["package"]["version"],
    });
    Ok(sources::digest(decided.to_string().as_bytes()))
}

fn parse(path: &Path) -> Result<Value, Error> {
    toml::from_str(&read(path)?).map_err(|error| Error::Malformed { path: path.to_owned(), reason: error.to_string() })
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
