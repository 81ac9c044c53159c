//! Where things lie in the worker's data folder.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use millrace_agent::TaskKey;
use millrace_spec::Sha256;

/// Owner of outputs on rigs where the worker is root: no account of any distribution.
const CONTAINER_USER: u32 = 64_321;

/// There while the rig takes no further lease.
const DRAINING: &str = "draining";

/// The data folder: `journal`, `lock`, `control` (the socket), `draining` (there while the rig takes no further
/// lease), `images` (those that the worker pulled), `sealed/` (what buyers sealed for this rig, as it came), `cache/` (inputs by hash), `tasks/` (one folder each) and `logs/` (kept until the orchestrator has
/// them).
#[derive(Clone, Debug)]
pub struct Folders {
    root: PathBuf,
    /// As containers know it.
    user: (u32, u32),
    /// As the rig knows it.
    host_user: (u32, u32),
    needs_host_users: bool,
}

impl Folders {
    /// Creates what is missing. Containers run as a user of no importance where the worker is
    /// root, else as the worker's own.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(root: &Path) -> io::Result<Self> {
        for part in ["cache", "tasks", "logs"] {
            std::fs::create_dir_all(root.join(part))?;
        }
        // Inputs of one job are nobody else's business.
        std::fs::set_permissions(root, Permissions::from_mode(0o700))?;
        let root = root.canonicalize()?;
        let owner = std::fs::metadata("/proc/self")?;
        let user = if owner.uid() == 0 { (CONTAINER_USER, CONTAINER_USER) } else { (owner.uid(), owner.gid()) };
        Ok(Self { root, user, host_user: user, needs_host_users: false })
    }

    /// For an engine in whose containers root is another user and group of the rig's. Only root can give files to the
    /// users that containers have then; another worker has its containers keep the rig's.
    pub fn with_user_namespace(self, namespace: Option<(u32, u32)>) -> Self {
        let Some((user, group)) = namespace else { return self };
        if self.user.0 != CONTAINER_USER {
            return Self { needs_host_users: true, ..self };
        }
        let host_user = (user.saturating_add(self.user.0), group.saturating_add(self.user.1));
        Self { host_user, ..self }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// User and group that containers run as.
    pub fn user(&self) -> (u32, u32) {
        self.user
    }

    /// The same as the rig knows them: who owns what a container may write, or read alone.
    pub fn host_user(&self) -> (u32, u32) {
        self.host_user
    }

    /// Whether containers must keep the rig's users, though their engine would give them others.
    pub fn needs_host_users(&self) -> bool {
        self.needs_host_users
    }

    pub fn cached(&self, sha256: Sha256) -> PathBuf {
        self.cache().join(sha256.to_string())
    }

    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    pub fn inputs(&self, key: TaskKey) -> PathBuf {
        self.task(key).join("inputs")
    }

    pub fn outputs(&self, key: TaskKey) -> PathBuf {
        self.task(key).join("outputs")
    }

    /// What the task keeps for its next attempt.
    pub fn checkpoint(&self, key: TaskKey) -> PathBuf {
        self.task(key).join("checkpoint")
    }

    /// A checkpoint as it was at one moment, on its way.
    pub fn saving(&self, key: TaskKey) -> PathBuf {
        self.task(key).join("saving")
    }

    /// Holds the attempt whose checkpoint the task began with; not there where it began with nothing.
    pub fn restored(&self, key: TaskKey) -> PathBuf {
        self.task(key).join("restored")
    }

    /// Outputs on their way before the task's end.
    pub fn early_outputs(&self, key: TaskKey) -> PathBuf {
        self.task(key).join("early")
    }

    /// Outputs on their way that leave the rig only encrypted.
    pub fn sealed_outputs(&self, key: TaskKey) -> PathBuf {
        self.task(key).join("sealed")
    }

    pub fn log(&self, key: TaskKey) -> PathBuf {
        self.root.join("logs").join(key.to_string())
    }

    /// All that lies on the disk because of a task, but its log.
    pub fn task(&self, key: TaskKey) -> PathBuf {
        self.root.join("tasks").join(key.to_string())
    }

    /// Fresh folders for a task: inputs readable, outputs writable by the container's user only.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn prepare(&self, key: TaskKey) -> io::Result<()> {
        self.remove(key)?;
        let inputs = self.inputs(key);
        std::fs::create_dir_all(&inputs)?;
        // Whatever the worker's umask is: the container's user must get in.
        std::fs::set_permissions(&inputs, Permissions::from_mode(0o755))?;
        self.own(&self.outputs(key))
    }

    /// An empty folder for what the task keeps for its next attempt.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn prepare_checkpoint(&self, key: TaskKey) -> io::Result<()> {
        let folder = self.checkpoint(key);
        absent_is_fine(remove_tree(&folder))?;
        absent_is_fine(std::fs::remove_file(self.restored(key)))?;
        self.own(&folder)
    }

    /// A folder that only the container's user may look into and write to.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn own(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        chown(folder, Some(self.host_user.0), Some(self.host_user.1))
    }

    /// A file of the container's user's own.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn own_file(&self, file: &Path) -> io::Result<()> {
        std::fs::set_permissions(file, Permissions::from_mode(0o600))?;
        chown(file, Some(self.host_user.0), Some(self.host_user.1))
    }

    /// Empties a folder of the task's for what is on its way.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn prepare_round(&self, folder: &Path) -> io::Result<()> {
        absent_is_fine(remove_tree(folder))?;
        std::fs::create_dir(folder)
    }

    /// Leaves a mark that the task's outputs are being uploaded; true where there is one already, or none can be left.
    pub fn begin_upload(&self, key: TaskKey) -> bool {
        std::fs::File::create_new(self.task(key).join("uploading")).is_err()
    }

    /// Only once the task's container is gone: nobody else may move things meanwhile.
    ///
    /// # Errors
    /// Those of the file system; nothing to remove is none.
    pub fn remove(&self, key: TaskKey) -> io::Result<()> {
        absent_is_fine(remove_tree(&self.task(key)))
    }

    /// # Errors
    /// Those of the file system; nothing to remove is none.
    pub fn remove_log(&self, key: TaskKey) -> io::Result<()> {
        absent_is_fine(std::fs::remove_file(self.log(key)))
    }

    /// Removes the folders of tasks that are not named, and logs for which `keep` has no task.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn sweep(&self, tasks: &[TaskKey], logs: &[TaskKey]) -> io::Result<()> {
        let names = |keys: &[TaskKey]| keys.iter().map(TaskKey::to_string).collect::<Vec<_>>();
        for (part, keep) in [("tasks", names(tasks)), ("logs", names(logs))] {
            for entry in std::fs::read_dir(self.root.join(part))? {
                let entry = entry?;
                if entry.file_name().to_str().is_some_and(|name| keep.iter().any(|kept| kept == name)) {
                    continue;
                }
                let removed = if entry.file_type()?.is_dir() {
                    remove_tree(&entry.path())
                } else {
                    std::fs::remove_file(entry.path())
                };
                absent_is_fine(removed)?;
            }
        }
        Ok(())
    }
}

/// Whether the rig's owner has said that it takes no further lease.
pub(crate) fn is_draining(root: &Path) -> bool {
    root.join(DRAINING).exists()
}

/// Keeps what the owner said over a restart.
///
/// # Errors
/// Those of the file system.
pub(crate) fn set_draining(root: &Path, draining: bool) -> io::Result<()> {
    let mark = root.join(DRAINING);
    if draining { std::fs::write(mark, "") } else { absent_is_fine(std::fs::remove_file(mark)) }
}

/// Removes a folder that a stranger's program has filled. Such a program may nest folders deeper
/// than recursion, open files or paths go, and close them to everybody but root: so folders are
/// opened up first, and those further down are moved up before they are emptied.
fn remove_tree(root: &Path) -> io::Result<()> {
    let mut folders = vec![root.to_owned()];
    let mut moved = 0u64;
    while let Some(folder) = folders.pop() {
        std::fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            if !entry.file_type()?.is_dir() {
                std::fs::remove_file(path)?;
            } else if folder == root {
                folders.push(path);
            } else {
                // Moving a folder takes the right to write into it.
                std::fs::set_permissions(&path, Permissions::from_mode(0o700))?;
                let flat = loop {
                    let flat = root.join(format!("removing-{moved}"));
                    moved += 1;
                    if std::fs::symlink_metadata(&flat).is_err() {
                        break flat;
                    }
                };
                std::fs::rename(path, &flat)?;
                folders.push(flat);
            }
        }
        if folder != root {
            std::fs::remove_dir(&folder)?;
        }
    }
    std::fs::remove_dir(root)
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Address;

    use super::*;

    fn key(task: u32) -> TaskKey {
        TaskKey { lease: Address([1; 32]), task, attempt: 1 }
    }

    #[test]
    fn a_sweep_leaves_only_what_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        for task in 0..2 {
            folders.prepare(key(task)).unwrap();
            std::fs::write(folders.log(key(task)), "x").unwrap();
        }
        folders.sweep(&[key(1)], &[key(0)]).unwrap();
        assert!(!folders.inputs(key(0)).exists() && folders.inputs(key(1)).exists());
        assert!(folders.log(key(0)).exists() && !folders.log(key(1)).exists());
        folders.remove(key(1)).unwrap();
        folders.remove(key(1)).unwrap();
    }

    /// What a hostile program may leave: 20 000 folders in each other, links, closed folders.
    fn fill(outputs: &Path) {
        let mut at = outputs.to_owned();
        let mut depth = 0;
        // From the inside out, because no path is long enough.
        let mut inner = outputs.join("seed");
        std::fs::create_dir(&inner).unwrap();
        while depth < 20_000 {
            at = outputs.join(if depth % 2 == 0 { "even" } else { "odd" });
            std::fs::create_dir(&at).unwrap();
            std::fs::rename(&inner, at.join("d")).unwrap();
            inner = at.clone();
            depth += 1;
        }
        std::os::unix::fs::symlink("/etc", at.join("link")).unwrap();
        let closed = outputs.join("closed/more");
        std::fs::create_dir_all(&closed).unwrap();
        std::fs::write(closed.join("file"), "x").unwrap();
        std::fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        std::fs::set_permissions(outputs.join("closed"), Permissions::from_mode(0o000)).unwrap();
    }

    #[test]
    fn folders_nested_without_end_are_removed_too() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        for removal in
            [Folders::remove as fn(&Folders, TaskKey) -> io::Result<()>, |folders, _| folders.sweep(&[], &[])]
        {
            folders.prepare(key(0)).unwrap();
            fill(&folders.outputs(key(0)));
            removal(&folders, key(0)).unwrap();
            assert_eq!(std::fs::read_dir(folder.path().join("tasks")).unwrap().count(), 0);
        }
        assert!(Path::new("/etc").is_dir());
    }

    #[test]
    fn outputs_are_their_containers_users_whoever_that_is_on_the_rig() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        let (user, group) = folders.user();
        let same = folders.clone().with_user_namespace(None);
        assert_eq!((same.host_user(), same.needs_host_users()), ((user, group), false));
        let own = folders.with_user_namespace(Some((165_536, 165_537)));
        let expected =
            if user == CONTAINER_USER { ((user + 165_536, group + 165_537), false) } else { ((user, group), true) };
        assert_eq!((own.host_user(), own.needs_host_users()), expected);
        own.prepare(key(0)).unwrap();
        let outputs = std::fs::metadata(own.outputs(key(0))).unwrap();
        assert_eq!((outputs.uid(), outputs.gid()), own.host_user());
    }

    #[test]
    fn outputs_belong_to_the_containers_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        folders.prepare(key(0)).unwrap();
        let outputs = std::fs::metadata(folders.outputs(key(0))).unwrap();
        assert_eq!((outputs.uid(), outputs.gid()), folders.user());
        assert_ne!(outputs.uid(), 0);
        assert_eq!(outputs.mode() & 0o777, 0o700);
    }
}
