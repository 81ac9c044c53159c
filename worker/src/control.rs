//! The socket through which a running worker is asked how it is and told what to do, by whoever may open it:
//! the worker's own user, and root.
//!
//! One connection is one question. The question is a line of JSON, `{"ask": "status"}`, `{"ask": "drain"}` or
//! `{"ask": "resume"}`; the answer is a line of JSON, the worker's [`Status`] from then on.

mod at_start;
mod client;
mod server;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use millrace_protocol::Diagnostic;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::folders;
use crate::status::Status;

pub(crate) use at_start::AtStart;
pub use client::ask;
pub(crate) use server::{Server, answer};

/// Whether a worker listens on the data folder now, for who may ask it.
pub fn listens(data_dir: &Path) -> bool {
    Place::of(data_dir).is_ok_and(|place| UnixStream::connect(place.path()).is_ok())
}

/// What a worker can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    Status,
    /// Take no further lease.
    Drain,
    /// Take leases again.
    Resume,
}

/// A question on its way to the worker's loop.
#[derive(Debug)]
pub(crate) struct Asked {
    pub ask: Ask,
    pub answer: oneshot::Sender<io::Result<Status>>,
}

/// What a worker says where it cannot do what it is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Refused {
    error: String,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Error {
    #[error("no worker runs on the data folder {}", data_dir.display())]
    NotRunning { data_dir: PathBuf },
    #[error("the data folder {} is another user's", data_dir.display())]
    NotAllowed { data_dir: PathBuf, source: io::Error },
    #[error("the worker on {} does not answer", data_dir.display())]
    Silent { data_dir: PathBuf },
    #[error("the worker on {} says something else than this version understands", data_dir.display())]
    Foreign { data_dir: PathBuf },
    #[error("the worker cannot do that: {reason}")]
    Refused { reason: String },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NotRunning { .. } => "worker-not-running",
            Self::NotAllowed { .. } => "worker-not-yours",
            Self::Silent { .. } => "worker-silent",
            Self::Foreign { .. } => "worker-foreign",
            Self::Refused { .. } => "worker-refused",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotRunning { .. } => {
                "start it with `millrace worker run` or `sudo systemctl start millrace-worker`, \
                                        or name its folder with `--data-dir`"
                    .to_owned()
            }
            Self::NotAllowed { .. } => "run the same command with `sudo`, or as the worker's user".to_owned(),
            Self::Silent { .. } => {
                "look into its log; a worker that hangs may be stopped, its containers go on".to_owned()
            }
            Self::Foreign { .. } => {
                "use the `millrace` that the worker was started with, or restart the worker".to_owned()
            }
            Self::Refused { .. } => "check free space, owner and permissions of the worker's data folder".to_owned(),
        }
    }
}

/// Has the next worker on a data folder drain, or not, where none runs now. `false`: no worker has ever used
/// the folder.
///
/// # Errors
/// [`Error::NotAllowed`], [`Error::Refused`].
pub fn tell_next(data_dir: &Path, draining: bool) -> Result<bool, Error> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => Error::NotAllowed { data_dir: data_dir.to_owned(), source: error },
        _ => Error::Refused { reason: error.to_string() },
    };
    let used = data_dir.join("journal").try_exists().map_err(failed)?;
    if used {
        folders::set_draining(data_dir, draining).map_err(failed)?;
    }
    Ok(used)
}

/// The socket in a data folder. A socket's path has 107 bytes and a folder's may have more, so the way leads
/// over the open folder.
struct Place {
    folder: File,
}

impl Place {
    const NAME: &str = "control";

    fn of(data_dir: &Path) -> io::Result<Self> {
        Ok(Self { folder: File::open(data_dir)? })
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{}", self.folder.as_raw_fd(), Self::NAME))
    }
}
