use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use millrace_agent::{Cause, Failure, TaskKey};
use millrace_protocol::Address;
use millrace_seal::SecretBytes;

use crate::folders::Users;

/// On every Linux a file system in memory, and one that a service with a read-only system may write to
/// (systemd.exec(5), `ProtectSystem`).
const MEMORY: &str = "/dev/shm";
/// Of such a file system (statfs(2)).
const TMPFS_MAGIC: i64 = 0x0102_1994;

/// Secret files in the clear, one folder for each task; gone when the machine is.
pub(super) struct Shown {
    root: PathBuf,
    users: Users,
    /// The root goes with the last task's folder: not while another task's is made.
    changing: Mutex<()>,
}

impl Shown {
    /// Of one node; a lease's user reads its files.
    pub fn of(node: Address, users: Users) -> Self {
        Self { root: Path::new(MEMORY).join(format!("millrace-{node}")), users, changing: Mutex::default() }
    }

    /// Returns the folder.
    ///
    /// # Errors
    /// A [`Failure`] of the rig: nothing secret is ever written to a disk instead.
    pub fn write(&self, key: TaskKey, files: &[(&str, &SecretBytes)]) -> Result<PathBuf, Failure> {
        let failed = |error: io::Error| Failure::new(Cause::CreateFailed, format!("{MEMORY}: {error}"));
        if rustix::fs::statfs(MEMORY).map_err(|error| failed(error.into()))?.f_type != TMPFS_MAGIC {
            return Err(failed(io::Error::other("it is no file system in memory")));
        }
        self.write_all(key, files).map_err(failed)
    }

    fn write_all(&self, key: TaskKey, files: &[(&str, &SecretBytes)]) -> io::Result<PathBuf> {
        let _not_meanwhile = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.remove_folder(key)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.root)?;
        self.own()?;
        let folder = self.folder(key);
        let (user, group) = self.users.on_rig(key.lease);
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        for (name, content) in files {
            let path = folder.join(name);
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o400).open(&path)?;
            file.write_all(&content.0)?;
            chown(&path, Some(user), Some(group))?;
        }
        chown(&folder, Some(user), Some(group))?;
        Ok(folder)
    }

    /// Anybody on the machine may make files in there: a folder that another user has made is not used.
    fn own(&self) -> io::Result<()> {
        let (folder, process) = (fs::symlink_metadata(&self.root)?, fs::metadata("/proc/self")?);
        if folder.is_dir() && folder.uid() == process.uid() && folder.mode() & 0o077 == 0 {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user has taken the folder's name"))
    }

    /// Its container is gone.
    pub fn remove(&self, key: TaskKey) -> io::Result<()> {
        let _not_meanwhile = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.remove_folder(key)?;
        // Stays as long as another task has files.
        let _ = fs::remove_dir(&self.root);
        Ok(())
    }

    fn remove_folder(&self, key: TaskKey) -> io::Result<()> {
        match fs::remove_dir_all(self.folder(key)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    pub fn sweep(&self, keep: &[TaskKey]) {
        let names: Vec<String> = keep.iter().map(TaskKey::to_string).collect();
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            if !entry.file_name().to_str().is_some_and(|name| names.iter().any(|kept| kept == name))
                && let Err(error) = fs::remove_dir_all(entry.path())
            {
                tracing::warn!(%error, "secret files of an earlier task stay until the next start");
            }
        }
    }

    pub fn folder(&self, key: TaskKey) -> PathBuf {
        self.root.join(key.to_string())
    }
}
