use std::path::PathBuf;

use millrace_protocol::Diagnostic;
use millrace_spec::Sha256;
use thiserror::Error;

use crate::auth;
use crate::rest::Problem;

/// Why an object could not be moved.
#[derive(Debug, Error)]
pub enum Error {
    #[error("`{path}` cannot be read or written")]
    File { path: PathBuf, source: std::io::Error },
    #[error("`{path}` changed while it was uploaded")]
    Changed { path: PathBuf },
    #[error("`{url}` is not the address of an object endpoint")]
    BadEndpoint { url: String },
    #[error("the object endpoint does not answer")]
    Unreachable(#[source] reqwest::Error),
    #[error("the object endpoint refused: {}", problem.cause)]
    Refused { status: u16, problem: Problem },
    #[error("the object endpoint has another time than this machine")]
    OutOfTime,
    #[error("the object endpoint answered with status {status}, which it should not")]
    Unexpected { status: u16 },
    #[error("object {sha256} does not exist")]
    NotFound { sha256: Sha256 },
    #[error("what came for object {expected} has another hash, {actual}")]
    HashMismatch { expected: Sha256, actual: Sha256 },
    #[error("object {sha256} is larger than {maximum} bytes")]
    TooLarge { sha256: Sha256, maximum: u64 },
}

impl Error {
    /// Whether it may be over soon: nobody answered, or whoever did has a problem of its own.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::OutOfTime => true,
            Self::Refused { status, .. } | Self::Unexpected { status } => matches!(status, 429 | 500 | 502..=504 | 507),
            _ => false,
        }
    }

    /// Whether no space was left, here or at the endpoint.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::File { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            Self::Refused { status, .. } => *status == 507,
            _ => false,
        }
    }
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::File { .. } if self.is_disk_full() => "disk-full",
            Self::File { .. } => "file-unreadable",
            Self::Changed { .. } => "file-changed",
            Self::BadEndpoint { .. } => "object-endpoint-invalid",
            Self::Unreachable(_) => "object-endpoint-unreachable",
            Self::Refused { status: 507, .. } => "object-endpoint-full",
            Self::Refused { status: 413, .. } => "object-too-large",
            Self::Refused { status: 401 | 403, .. } => "object-endpoint-unauthorized",
            Self::Refused { .. } => "object-refused",
            Self::OutOfTime => auth::Error::OutOfTime.code(),
            Self::Unexpected { .. } => "object-endpoint-unexpected",
            Self::NotFound { .. } => "object-not-found",
            Self::HashMismatch { .. } => "object-corrupt",
            Self::TooLarge { .. } => "object-too-large",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::File { .. } if self.is_disk_full() => {
                "free some space and try again; the transfer goes on from there".to_owned()
            }
            Self::File { .. } => "check that the file exists and may be read and written".to_owned(),
            Self::Changed { .. } => "try again when nothing writes to it any more".to_owned(),
            Self::BadEndpoint { .. } => "use an address such as `http://127.0.0.1:8080`".to_owned(),
            Self::Unreachable(_) => "check that the orchestrator runs and that its HTTP address is right".to_owned(),
            Self::Refused { problem, .. } => problem.hint.clone(),
            Self::OutOfTime => auth::Error::OutOfTime.hint(),
            Self::Unexpected { .. } => {
                "check that the address is an orchestrator's, and that no proxy stands in between".to_owned()
            }
            Self::NotFound { .. } => "upload it first; objects of closed jobs are kept for a while only".to_owned(),
            Self::HashMismatch { .. } => "try again; if it happens again, tell the operator of the endpoint".to_owned(),
            Self::TooLarge { maximum, .. } => format!("nothing over {maximum} bytes is expected here; check the hash"),
        }
    }
}
