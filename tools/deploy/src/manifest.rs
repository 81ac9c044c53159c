use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, IDL_PATH, PROGRAM_PATH, dependencies, sources};

/// Where the manifest lies, from the workspace root.
pub const PATH: &str = "programs/millrace/deploy/manifest.json";

/// All that decides the bytes of the program, and the hashes of what came out. Every hash is
/// SHA-256 in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Of `millrace.so`.
    pub program: String,
    /// Of `idl.json`.
    pub idl: String,
    /// Versions of the tools it was built with. Others may give other bytes.
    pub toolchain: BTreeMap<String, String>,
    /// Of the parts of the root `Cargo.toml` that reach the program.
    pub workspace: String,
    /// Of each source file, by path.
    pub sources: BTreeMap<String, String>,
    /// Registry checksum of each crate, by `name version`.
    pub dependencies: BTreeMap<String, String>,
}

impl Manifest {
    /// Describes the workspace as it is.
    ///
    /// Errors: [`Error::Read`] for a missing file, [`Error::Run`] and [`Error::Failed`] for cargo.
    pub fn describe(workspace: &Path, toolchain: BTreeMap<String, String>) -> Result<Self, Error> {
        Ok(Self {
            program: sources::digest_file(&workspace.join(PROGRAM_PATH))?,
            idl: sources::digest_file(&workspace.join(IDL_PATH))?,
            toolchain,
            workspace: dependencies::workspace_settings(workspace)?,
            sources: sources::digests(workspace)?,
            dependencies: dependencies::checksums(workspace)?,
        })
    }

    /// Reads the committed one.
    ///
    /// Errors: [`Error::Read`], [`Error::Malformed`].
    pub fn read(workspace: &Path) -> Result<Self, Error> {
        let path = workspace.join(PATH);
        let text = fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        serde_json::from_str(&text).map_err(|error| Error::Malformed { path, reason: error.to_string() })
    }

    /// Writes it where [`Self::read`] finds it.
    ///
    /// Errors: [`Error::Write`].
    pub fn write(&self, workspace: &Path) -> Result<(), Error> {
        let path = workspace.join(PATH);
        let malformed = |error: serde_json::Error| Error::Malformed { path: path.clone(), reason: error.to_string() };
        let text = serde_json::to_string_pretty(self).map_err(malformed)? + "\n";
        fs::write(&path, text).map_err(|source| Error::Write { path: path.clone(), source })
    }

    /// One line for each thing that `other` has differently.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (what, mine, theirs) in [
            (PROGRAM_PATH, &self.program, &other.program),
            (IDL_PATH, &self.idl, &other.idl),
            ("Cargo.toml: release profile or inherited dependencies", &self.workspace, &other.workspace),
        ] {
            if mine != theirs {
                lines.push(format!("{what}: changed"));
            }
        }
        compare(&self.sources, &other.sources, &mut lines);
        compare(&self.dependencies, &other.dependencies, &mut lines);
        compare(&self.toolchain, &other.toolchain, &mut lines);
        lines
    }
}

fn compare(mine: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>, lines: &mut Vec<String>) {
    for (name, value) in mine {
        match theirs.get(name) {
            None => lines.push(format!("{name}: gone")),
            Some(other) if other != value => lines.push(format!("{name}: changed")),
            Some(_) => {}
        }
    }
    let added = theirs.keys().filter(|name| !mine.contains_key(*name));
    lines.extend(added.map(|name| format!("{name}: new")));
}
