use std::net::SocketAddr;
use std::path::PathBuf;

use millrace_protocol::{Address, Diagnostic};
use thiserror::Error;

/// Why an orchestrator cannot start or go on.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the data folder {path} cannot be used")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error("the data folder {path} is in use by another orchestrator")]
    DataDirLocked { path: PathBuf },
    #[error("the journal cannot be read or written")]
    Journal(#[from] crate::store::Error),
    #[error("objects cannot be stored")]
    Objects(#[from] crate::objects::Error),
    #[error("nothing can listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("{address} is every address of this machine, and none that workers can be told to send their outputs to")]
    PublicUrlMissing { address: SocketAddr },
    #[error(transparent)]
    Chain(#[from] millrace_client::Error),
    #[error("the network's scheduler is {expected}, and this key is {actual}")]
    NotTheScheduler { expected: Address, actual: Address },
    #[error("the chain's accounts could not be read within {seconds} s")]
    ChainSilent { seconds: u64 },
    #[error("the orchestrator's main loop broke off")]
    Crashed,
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::DataDir { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => "disk-full",
            Self::DataDir { .. } => "data-dir-unusable",
            Self::DataDirLocked { .. } => "data-dir-locked",
            Self::Journal(source) => source.code(),
            Self::Objects(source) => source.code(),
            Self::Listen { .. } => "address-in-use",
            Self::PublicUrlMissing { .. } => "public-url-missing",
            Self::Chain(source) => source.code(),
            Self::NotTheScheduler { .. } => "not-the-scheduler",
            Self::ChainSilent { .. } => "chain-silent",
            Self::Crashed => "orchestrator-crashed",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::DataDir { path, .. } => format!("check that {} is a folder this user may write", path.display()),
            Self::DataDirLocked { .. } => "stop the other one, or name another folder by `--data-dir`".to_owned(),
            Self::Journal(source) => source.hint(),
            Self::Objects(source) => source.hint(),
            Self::Listen { .. } => "stop what listens there, or choose another address".to_owned(),
            Self::PublicUrlMissing { .. } => {
                "say by `--public-url http://HOST:PORT` how workers reach it, or listen on one address".to_owned()
            }
            Self::Chain(source) => source.hint(),
            Self::NotTheScheduler { .. } => {
                "run with the key the network was initialised with, or connect to another network".to_owned()
            }
            Self::ChainSilent { .. } => "check the RPC and WebSocket endpoints".to_owned(),
            Self::Crashed => "start it again, nothing is lost; report what its log says".to_owned(),
        }
    }
}
