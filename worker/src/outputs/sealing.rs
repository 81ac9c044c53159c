use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use millrace_agent::{Assignment, Cause, Failure};
use millrace_link::objects::Error;
use millrace_seal::Recipient;
use millrace_spec::ObjectRef;
use thiserror::Error;

use super::store;
use crate::context::Context;

/// What encrypted outputs are called, as age tools do.
pub(crate) fn sealed_name(path: &str) -> String {
    format!("{path}.age")
}

/// Why one output is not at the endpoint.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Upload(#[from] Error),
    #[error("it cannot be encrypted: {0}")]
    Seal(#[from] millrace_seal::Error),
}

impl StoreError {
    pub fn failure(&self, path: &str) -> Failure {
        let full =
            matches!(self, Self::Seal(millrace_seal::Error::File(error)) if error.kind() == io::ErrorKind::StorageFull);
        let cause = if full { Cause::DiskFull } else { Cause::UploadFailed };
        Failure::new(cause, format!("{path}: {self}"))
    }
}

/// Outputs that leave the rig only encrypted.
pub(crate) struct Sealing {
    to: Recipient,
    /// Where they lie encrypted until they are uploaded.
    folder: PathBuf,
    made: AtomicU64,
}

impl Sealing {
    /// `None` where the job wants them as they are. `folder` is nobody else's while they are on their way.
    ///
    /// # Errors
    /// A [`Failure`] where the job names nobody that anything can be encrypted to.
    pub fn of(assignment: &Assignment, folder: PathBuf) -> Result<Option<Self>, Failure> {
        let to = assignment.sealed.as_ref().and_then(|sealed| sealed.outputs.as_ref());
        let Some(to) = to else { return Ok(None) };
        let to =
            to.parse().map_err(|error: millrace_seal::Error| Failure::new(Cause::OutputInvalid, error.to_string()))?;
        fs::create_dir_all(&folder).map_err(|error| Failure::new(Cause::UploadFailed, error.to_string()))?;
        Ok(Some(Self { to, folder, made: AtomicU64::new(0) }))
    }

    /// Encrypts and uploads one file.
    pub async fn store(&self, context: &Context, path: &Path) -> Result<ObjectRef, StoreError> {
        let sealed = self.folder.join(self.made.fetch_add(1, Ordering::Relaxed).to_string());
        let (to, plain, fresh) = (self.to.clone(), path.to_owned(), sealed.clone());
        let made = tokio::task::spawn_blocking(move || encrypt(&to, &plain, &fresh)).await;
        made.unwrap_or_else(|error| Err(io::Error::other(error).into()))?;
        let stored = store(context, &sealed, false).await;
        let _ = fs::remove_file(sealed);
        Ok(stored?)
    }
}

fn encrypt(to: &Recipient, plain: &Path, sealed: &Path) -> Result<(), millrace_seal::Error> {
    // An earlier worker may have left one half done.
    let mut options = File::options();
    let sealed = options.write(true).create(true).truncate(true).mode(0o600).open(sealed)?;
    millrace_seal::encrypt(to, File::open(plain)?, sealed).map(|_| ())
}
