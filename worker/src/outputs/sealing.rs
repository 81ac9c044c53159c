use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use millrace_agent::{Assignment, Cause, Failure};
use millrace_link::objects::Error;
use millrace_seal::Recipient;
use millrace_spec::ObjectRef;
use thiserror::Error;
use tokio::time::Instant;

use super::awaited::Awaited;
use super::patience::PATIENCE;
use super::{PAUSE, store};
use crate::context::Context;
use crate::disk;

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
    #[error("{free_mib} MiB are free, {needed_mib} MiB are needed to encrypt it")]
    NoRoom { free_mib: u64, needed_mib: u64 },
}

impl StoreError {
    pub fn failure(&self, path: &str) -> Failure {
        let cause = if self.is_full() { Cause::DiskFull } else { Cause::UploadFailed };
        Failure::new(cause, format!("{path}: {self}"))
    }

    fn is_full(&self) -> bool {
        match self {
            Self::Seal(millrace_seal::Error::File(error)) => error.kind() == io::ErrorKind::StorageFull,
            Self::NoRoom { .. } => true,
            Self::Upload(_) | Self::Seal(_) => false,
        }
    }
}

/// Outputs that leave the rig only encrypted.
pub(crate) struct Sealing {
    to: Recipient,
    /// Where they lie encrypted until they are uploaded.
    folder: PathBuf,
    made: AtomicU64,
    /// Those that lie there encrypted.
    on_way: AtomicUsize,
    /// How long the disk may have no room for the next one.
    patience: Duration,
}

impl Sealing {
    /// `None` where the job wants them as they are. `folder` is nobody else's while they are on their way; what
    /// somebody before has left there is removed.
    ///
    /// # Errors
    /// A [`Failure`] where the job names nobody that anything can be encrypted to.
    pub fn of(assignment: &Assignment, folder: PathBuf) -> Result<Option<Self>, Failure> {
        let to = assignment.sealed.as_ref().and_then(|sealed| sealed.outputs.as_ref());
        let Some(to) = to else { return Ok(None) };
        let to =
            to.parse().map_err(|error: millrace_seal::Error| Failure::new(Cause::OutputInvalid, error.to_string()))?;
        // Not if a round that was broken off begins a file there at this moment: the next one removes that.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| Failure::new(Cause::UploadFailed, error.to_string()))?;
        let (made, on_way) = (AtomicU64::new(0), AtomicUsize::new(0));
        Ok(Some(Self { to, folder, made, on_way, patience: Duration::ZERO }))
    }

    /// One that waits for room: for what no later round brings away.
    pub fn patient(self) -> Self {
        Self { patience: PATIENCE, ..self }
    }

    /// Encrypts and uploads one file, which has this many bytes. Waits for room while it is taken by others of the same
    /// task, and as long as it is patient while others have it.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`] where the rig's reserve would be touched: other tasks live on it. [`Error::Changed`]
    /// where the file is longer or shorter by now: what a program makes of it meanwhile nobody has room for.
    pub async fn store(&self, context: &Context, path: &Path, bytes: u64) -> Result<ObjectRef, StoreError> {
        let sealed = self.folder.join(self.made.fetch_add(1, Ordering::Relaxed).to_string());
        let mut short_since = None;
        while let Err(error) = self.encrypt(context, (path, bytes), &sealed).await {
            if !error.is_full() {
                return Err(error);
            }
            if self.on_way.load(Ordering::Relaxed) > 0 {
                short_since = None;
            } else if short_since.get_or_insert_with(Instant::now).elapsed() >= self.patience {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
        }
        let stored = store(context, &sealed, false).await;
        let _ = fs::remove_file(sealed);
        self.on_way.fetch_sub(1, Ordering::Relaxed);
        Ok(stored?)
    }

    async fn encrypt(&self, context: &Context, (plain, bytes): (&Path, u64), sealed: &Path) -> Result<(), StoreError> {
        let _one_at_a_time = context.encrypting.lock().await;
        let free = disk::free_bytes(&self.folder).map_err(millrace_seal::Error::File)?;
        check_room(free, bytes, context.disk_reserve)?;
        let awaited = Arc::new(());
        let file = Awaited::new(File::open(plain).map_err(millrace_seal::Error::File)?, Arc::downgrade(&awaited));
        let (to, fresh) = (self.to.clone(), sealed.to_owned());
        let made = tokio::task::spawn_blocking(move || encrypt(&to, file, bytes, &fresh)).await;
        let made = made.unwrap_or_else(|error| Err(io::Error::other(error).into()));
        if !matches!(made, Ok(true)) {
            // What is half made takes room, too.
            let _ = fs::remove_file(sealed);
        }
        if !made? {
            return Err(Error::Changed { path: plain.to_owned() }.into());
        }
        self.on_way.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Whether `bytes` can be encrypted with `reserve` left free.
fn check_room(free: u64, bytes: u64, reserve: u64) -> Result<(), StoreError> {
    let needed = sealed_bytes(bytes).saturating_add(reserve);
    if free >= needed {
        return Ok(());
    }
    let mib = |bytes: u64| bytes / 1_048_576;
    Err(StoreError::NoRoom { free_mib: mib(free), needed_mib: mib(needed) })
}

/// The most bytes that this many take when they are encrypted.
fn sealed_bytes(bytes: u64) -> u64 {
    // 16 bytes for each chunk of 64 KiB, and a header (https://age-encryption.org/v1).
    bytes.saturating_add(bytes / 4_096).saturating_add(4_096)
}

/// Whether what was read is as long as it was said to be. Never reads on for more than a byte: whoever writes to the
/// file may make it as long as they like, and there is room for this many bytes alone.
fn encrypt(to: &Recipient, plain: impl Read, bytes: u64, sealed: &Path) -> Result<bool, millrace_seal::Error> {
    // Never into one that a round before goes on with for a moment after it was broken off.
    let mut options = File::options();
    let sealed = options.write(true).create_new(true).mode(0o600).open(sealed)?;
    let (plain, _) = millrace_seal::encrypt(to, plain.take(bytes.saturating_add(1)), sealed)?;
    Ok(plain.size == bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient() -> Recipient {
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".parse().unwrap()
    }

    #[test]
    fn a_file_that_grows_while_it_is_encrypted_takes_no_more_room_than_there_was_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = folder.path().join("sealed");
        let encrypt = |plain: u64| {
            let _ = fs::remove_file(&sealed);
            encrypt(&recipient(), io::repeat(7).take(plain), 1 << 20, &sealed).unwrap()
        };
        assert!(encrypt(1 << 20), "as long as it was said to be");
        assert!(!encrypt((1 << 20) - 1), "shorter");
        assert!(!encrypt(u64::MAX), "without an end");
        assert!(fs::metadata(&sealed).unwrap().len() <= sealed_bytes(1 << 20));
    }

    #[test]
    fn a_file_is_encrypted_no_longer_than_somebody_waits() {
        let folder = tempfile::tempdir().unwrap();
        let awaited = Arc::new(());
        let endless = Awaited::new(io::repeat(7), Arc::downgrade(&awaited));
        let sealed = folder.path().join("sealed");
        let encrypting = std::thread::spawn(move || encrypt(&recipient(), endless, u64::MAX, &sealed));
        drop(awaited);
        assert!(matches!(encrypting.join().unwrap(), Err(millrace_seal::Error::File(_))));
    }

    #[test]
    fn no_two_write_into_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = folder.path().join("sealed");
        assert!(encrypt(&recipient(), io::repeat(7).take(10), 10, &sealed).unwrap());
        let kept = fs::read(&sealed).unwrap();
        let again = encrypt(&recipient(), io::repeat(7).take(10), 10, &sealed).unwrap_err();
        assert!(matches!(&again, millrace_seal::Error::File(error) if error.kind() == io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read(&sealed).unwrap(), kept);
    }

    #[test]
    fn nothing_is_encrypted_into_the_reserve() {
        let mib = 1_u64 << 20;
        assert!(check_room(200 * mib, 100 * mib, 50 * mib).is_ok());
        for (free, bytes, reserve) in [(149, 100, 50), (150, 100, 50), (0, 0, 0)] {
            let error = check_room(free * mib, bytes * mib, reserve * mib).unwrap_err();
            assert_eq!(error.failure("frame").cause, Cause::DiskFull, "{free} free");
        }
        let failure = check_room(10 * mib, 20 * mib, 5 * mib).unwrap_err().failure("frame");
        assert_eq!(failure.detail, "frame: 10 MiB are free, 25 MiB are needed to encrypt it");
        assert!(check_room(u64::MAX - 1, u64::MAX, u64::MAX).is_err());
    }
}
