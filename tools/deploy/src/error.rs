use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the deploy folder could not be made or checked.
#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot run {program}")]
    Run { program: String, source: io::Error },
    #[error("{program} failed: {stderr}")]
    Failed { program: String, stderr: String },
    #[error("{path} is not what it should be: {reason}")]
    Malformed { path: PathBuf, reason: String },
    #[error("the IDL could not be built")]
    Idl(#[source] anyhow::Error),
}
