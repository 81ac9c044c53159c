use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use millrace_protocol::{Address, Diagnostic};
use thiserror::Error;

use crate::orchestrator_url::UrlError;
use crate::{container, journal};

/// Why a worker does not start, or stopped.
#[derive(Debug, Error)]
pub enum Error {
    #[error("no node on the chain has the key {key}")]
    NodeUnknown { key: Address },
    #[error(transparent)]
    OrchestratorUrl(#[from] UrlError),
    #[error(transparent)]
    Chain(#[from] millrace_client::Error),
    #[error(transparent)]
    Engine(#[from] container::Error),
    #[error(transparent)]
    Journal(#[from] journal::Error),
    #[error("another worker on this machine works for the node {node}")]
    NodeInUse { node: Address, source: io::Error },
    #[error("the data folder {path} cannot be used")]
    DataDir { path: PathBuf, source: io::Error },
    #[error("{path} holds {found}")]
    DataDirForeign { path: PathBuf, found: Foreign },
    #[error("{free_mib} MiB are free in {path}, the worker keeps {reserve_mib} MiB free")]
    DiskFull { path: PathBuf, free_mib: u64, reserve_mib: u64 },
    #[error("metrics cannot be served on {address}")]
    Metrics { address: SocketAddr, source: io::Error },
    #[error("the node is registered with {registered}, the rig has {found}")]
    HardwareMismatch { registered: String, found: String },
    #[error("no GPU is given to jobs through this rig's container toolkit: {found}")]
    ToolkitUnfit { found: String, fix: String },
}

/// What keeps a folder from being this worker's.
#[derive(Debug, Error)]
pub enum Foreign {
    #[error("{}, and nothing of a worker's", .0.display())]
    Thing(PathBuf),
    #[error("what the node {kept} has at stake, and this worker is the node {own}'s")]
    AtStake { kept: Address, own: Address },
}

impl<P: Into<PathBuf>> From<P> for Foreign {
    fn from(thing: P) -> Self {
        Self::Thing(thing.into())
    }
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NodeUnknown { .. } => "node-unknown",
            Self::OrchestratorUrl(source) => source.code(),
            Self::Chain(source) => source.code(),
            Self::Engine(source) => source.code(),
            Self::Journal(source) => source.code(),
            Self::NodeInUse { .. } => "node-in-use",
            Self::DataDir { source, .. } if source.kind() == io::ErrorKind::StorageFull => "disk-full",
            Self::DataDir { .. } => "data-folder-unusable",
            Self::DataDirForeign { found: Foreign::Thing(_), .. } => "data-folder-foreign",
            Self::DataDirForeign { found: Foreign::AtStake { .. }, .. } => "data-folder-of-another-node",
            Self::DiskFull { .. } => "disk-full",
            Self::Metrics { .. } => "metrics-address-unusable",
            Self::HardwareMismatch { .. } => "hardware-mismatch",
            Self::ToolkitUnfit { .. } => "toolkit-unfit",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NodeUnknown { .. } => "register it with `millrace node add`, or name the right key file".to_owned(),
            Self::OrchestratorUrl(source) => source.hint(),
            Self::Chain(source) => source.hint(),
            Self::Engine(source) => source.hint(),
            Self::Journal(source) => source.hint(),
            Self::NodeInUse { .. } => "stop the other worker, or start this one with another node's key".to_owned(),
            Self::DataDir { .. } => "check owner and permissions of the folder, or name another one".to_owned(),
            Self::DataDirForeign { found: Foreign::AtStake { kept, .. }, .. } => format!(
                "start the worker of the node {kept} on it and let it finish with `millrace worker drain --wait`, or give \
                 this one a `--data-dir` of its own"
            ),
            Self::DataDirForeign { found: Foreign::Thing(_), .. } => {
                "name a folder that is empty, or not there yet, with `--data-dir`: it becomes the worker's own, and nobody \
                 else may look into it"
                    .to_owned()
            }
            Self::DiskFull { .. } => "free disk space, or put the data folder on another disk".to_owned(),
            Self::Metrics { .. } => "name a free port of this machine, such as `127.0.0.1:9477`".to_owned(),
            Self::ToolkitUnfit { fix, .. } => format!("{fix}; `--any-toolkit` goes to work all the same"),
            Self::HardwareMismatch { .. } => {
                "`millrace worker doctor` says what is wrong with the GPUs; start the worker again when all are there, or \
                 register a node with those that are; `--simulated-gpu` only for a simulated node"
                    .to_owned()
            }
        }
    }
}
