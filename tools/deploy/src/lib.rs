//! `programs/millrace/deploy`: the built program, its IDL, and a manifest of all that went into
//! them, so that nobody needs the toolchain to run Millrace and nobody has to trust that the
//! binary belongs to the sources.

mod dependencies;
mod error;
mod idl;
mod manifest;
mod sources;
mod toolchain;

use std::path::{Path, PathBuf};

pub use error::Error;
pub use manifest::{Manifest, PATH as MANIFEST_PATH};
pub use toolchain::Toolchain;

/// The package that is built.
pub const PACKAGE: &str = "millrace-program";
/// The built program, from the workspace root.
pub const PROGRAM_PATH: &str = "programs/millrace/deploy/millrace.so";
/// Its IDL, from the workspace root.
pub const IDL_PATH: &str = "programs/millrace/deploy/idl.json";

/// The workspace this crate was built in.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").components().collect()
}

/// Builds the program and its IDL and writes all three files.
///
/// Errors: any; what was written before stays.
pub fn write(workspace: &Path, toolchain: &Toolchain) -> Result<(), Error> {
    toolchain.build(workspace, &workspace.join(PROGRAM_PATH))?;
    idl::write(workspace, &workspace.join(IDL_PATH))?;
    let manifest = Manifest::describe(workspace, toolchain.versions()?)?;
    manifest.write(workspace)
}

/// What differs between the manifest and the workspace, one line each; empty when nothing does.
///
/// Errors: [`Error::Read`] and the like when one of the two cannot be read.
pub fn differences(workspace: &Path) -> Result<Vec<String>, Error> {
    let committed = Manifest::read(workspace)?;
    let now = Manifest::describe(workspace, committed.toolchain.clone())?;
    Ok(committed.differences(&now))
}
