//! Where things lie in the worker's data folder.

mod claim;
mod removal;
mod users;

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use millrace_agent::TaskKey;
use millrace_protocol::{Address, Diagnostic};
use millrace_spec::Sha256;
use thiserror::Error;

use removal::remove_tree;

pub use claim::check_data_dir;
pub(crate) use claim::claim;
pub(crate) use users::Users;

const TASKS: &str = "tasks";
const LOGS: &str = "logs";
const TURNS: &str = "turns";
/// What could not be removed of a task's folder. The worker's own user may move it there, whoever owns what is inside.
const REMAINS: &str = "remains";
/// There while the rig takes no further lease.
const DRAINING: &str = "draining";

/// Something of a task's that cannot be removed.
#[derive(Debug, Error)]
#[error("what a task has left cannot be removed: {source}; the rest lies in {}", at.display())]
pub(crate) struct Left {
    pub at: PathBuf,
    pub source: io::Error,
}

impl Diagnostic for Left {
    fn code(&self) -> &'static str {
        "task-left-behind"
    }

    fn hint(&self) -> String {
        format!("`sudo rm -r '{}'`; the worker tries it again whenever it starts", self.at.display())
    }
}

/// The data folder: `journal`, `lock`, `control` (the socket), `draining` (there while the rig takes no further
/// lease), `images` (those that the worker pulled), `sealed/` (what buyers sealed for this rig, as it came), `cache/`
/// (inputs by hash), `tasks/` (one folder each), `remains/` (what could not be removed of such a folder), `logs/`
/// (kept until the orchestrator has them) and `turns/` (of which stream what of such a log is).
#[derive(Clone, Debug)]
pub struct Folders {
    root: PathBuf,
    users: Users,
}

impl Folders {
    /// Creates what is missing in a folder that is a worker's own: see [`claim`].
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(root: &Path) -> io::Result<Self> {
        for part in ["cache", TASKS, REMAINS, LOGS, TURNS] {
            std::fs::create_dir_all(root.join(part))?;
        }
        Ok(Self { root: root.canonicalize()?, users: Users::here() })
    }

    /// For an engine in whose containers root is another user and group of the rig's.
    pub fn with_user_namespace(self, namespace: Option<(u32, u32)>) -> Self {
        let Some(root) = namespace else { return self };
        Self { users: self.users.in_namespace(root), ..self }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Who containers run as.
    pub fn users(&self) -> &Users {
        &self.users
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
        self.root.join(LOGS).join(key.to_string())
    }

    /// Where the streams take turns in the task's log.
    pub fn turns(&self, key: TaskKey) -> PathBuf {
        self.root.join(TURNS).join(key.to_string())
    }

    /// All that lies on the disk because of a task, but its log.
    pub fn task(&self, key: TaskKey) -> PathBuf {
        self.root.join(TASKS).join(key.to_string())
    }

    /// Fresh folders for a task: inputs readable, outputs writable by the container's user only.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn prepare(&self, key: TaskKey) -> io::Result<()> {
        if let Err(error) = self.remove(key) {
            self.move_aside(&self.task(key)).ok_or(error)?;
        }
        let inputs = self.inputs(key);
        std::fs::create_dir_all(&inputs)?;
        // Whatever the worker's umask is: the container's user must get in.
        std::fs::set_permissions(&inputs, Permissions::from_mode(0o755))?;
        self.own(key.lease, &self.outputs(key))
    }

    /// An empty folder for what the task keeps for its next attempt.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn prepare_checkpoint(&self, key: TaskKey) -> io::Result<()> {
        let folder = self.checkpoint(key);
        absent_is_fine(remove_tree(&folder))?;
        absent_is_fine(std::fs::remove_file(self.restored(key)))?;
        self.own(key.lease, &folder)
    }

    /// A folder that only the user of the lease's containers may look into and write to.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn own(&self, lease: Address, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let (user, group) = self.users.on_rig(lease);
        chown(folder, Some(user), Some(group))
    }

    /// A file that is theirs alone.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn own_file(&self, lease: Address, file: &Path) -> io::Result<()> {
        std::fs::set_permissions(file, Permissions::from_mode(0o600))?;
        let (user, group) = self.users.on_rig(lease);
        chown(file, Some(user), Some(group))
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
        absent_is_fine(std::fs::remove_file(self.log(key)))?;
        absent_is_fine(std::fs::remove_file(self.turns(key)))
    }

    /// Puts away what could not be removed, for the next start to try again. Its container must be gone.
    pub fn set_aside(&self, key: TaskKey, source: io::Error) -> Left {
        let folder = self.task(key);
        Left { at: self.move_aside(&folder).unwrap_or(folder), source }
    }

    /// Where it is then; `None` where it stays.
    fn move_aside(&self, folder: &Path) -> Option<PathBuf> {
        let name = folder.file_name()?.to_str()?;
        let places = (0u64..).map(|number| self.root.join(REMAINS).join(format!("{name}-{number}")));
        let free = places.into_iter().find(|place| std::fs::symlink_metadata(place).is_err())?;
        std::fs::rename(folder, &free).is_ok().then_some(free)
    }

    /// Removes the folders of tasks that are not named, logs for which `keep` has no task, and what was set aside.
    /// Returns what stays: it keeps nothing else.
    pub fn sweep(&self, tasks: &[TaskKey], logs: &[TaskKey]) -> Vec<Left> {
        let names = |keys: &[TaskKey]| keys.iter().map(TaskKey::to_string).collect::<Vec<_>>();
        let mut left = Vec::new();
        // What is set aside now has been tried.
        for (part, keep) in [(REMAINS, vec![]), (TASKS, names(tasks)), (LOGS, names(logs)), (TURNS, names(logs))] {
            let folder = self.root.join(part);
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(source) => {
                    left.push(Left { at: folder, source });
                    continue;
                }
            };
            for entry in entries.flatten() {
                if entry.file_name().to_str().is_some_and(|name| keep.iter().any(|kept| kept == name)) {
                    continue;
                }
                let path = entry.path();
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let removed = if is_folder { remove_tree(&path) } else { std::fs::remove_file(&path) };
                if let Err(source) = absent_is_fine(removed) {
                    let moved = if part == TASKS { self.move_aside(&path) } else { None };
                    left.push(Left { at: moved.unwrap_or(path), source });
                }
            }
        }
        left
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

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::removal::tests::{NOBODY, as_nobody};
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
            std::fs::write(folders.turns(key(task)), "x").unwrap();
        }
        assert!(folders.sweep(&[key(1)], &[key(0)]).is_empty());
        assert!(!folders.inputs(key(0)).exists() && folders.inputs(key(1)).exists());
        assert!(folders.log(key(0)).exists() && !folders.log(key(1)).exists());
        assert!(folders.turns(key(0)).exists() && !folders.turns(key(1)).exists());
        folders.remove_log(key(0)).unwrap();
        assert!(!folders.log(key(0)).exists() && !folders.turns(key(0)).exists());
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
        let remove: fn(&Folders) = |folders| folders.remove(key(0)).unwrap();
        let sweep: fn(&Folders) = |folders| assert!(folders.sweep(&[], &[]).is_empty());
        for removal in [remove, sweep] {
            folders.prepare(key(0)).unwrap();
            fill(&folders.outputs(key(0)));
            removal(&folders);
            assert_eq!(std::fs::read_dir(folder.path().join("tasks")).unwrap().count(), 0);
        }
        assert!(Path::new("/etc").is_dir());
    }

    #[test]
    fn outputs_belong_to_the_user_of_their_lease_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        let other = TaskKey { lease: Address([2; 32]), ..key(0) };
        for key in [key(0), key(1), other] {
            folders.prepare(key).unwrap();
            folders.prepare_checkpoint(key).unwrap();
            for owned in [folders.outputs(key), folders.checkpoint(key)] {
                let owned = std::fs::metadata(owned).unwrap();
                assert_eq!((owned.uid(), owned.gid()), folders.users().of(key.lease));
                assert_ne!(owned.uid(), 0);
                assert_eq!(owned.mode() & 0o777, 0o700);
            }
        }
    }

    #[test]
    fn outputs_are_their_containers_users_whoever_that_is_on_the_rig() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap().with_user_namespace(Some((165_536, 165_537)));
        folders.prepare(key(0)).unwrap();
        let outputs = std::fs::metadata(folders.outputs(key(0))).unwrap();
        assert_eq!((outputs.uid(), outputs.gid()), folders.users().on_rig(key(0).lease));
        let same = folders.users().on_rig(key(0).lease) == folders.users().of(key(0).lease);
        assert_eq!(same, folders.users().leave_namespace());
    }

    /// An older worker's, or one's that had other rights.
    #[test]
    fn folders_of_another_user_are_removed_too() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        folders.prepare(key(0)).unwrap();
        let closed = folders.outputs(key(0)).join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        if [closed, folders.outputs(key(0))].iter().any(|path| chown(path, Some(64_321), Some(64_321)).is_err()) {
            eprintln!("SKIPPED: this user may give files to no other");
            return;
        }
        folders.remove(key(0)).unwrap();
        assert!(!folders.task(key(0)).exists());
    }

    #[test]
    fn a_folder_that_stays_is_set_aside_and_keeps_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        let made = |task| folders.outputs(key(task)).join("made/by-the-engine");
        for task in 0..3 {
            std::fs::create_dir_all(made(task)).unwrap();
            std::fs::write(folders.log(key(task)), "x").unwrap();
        }
        let is_roots = |path: &Path| path.starts_with(made(1).parent().unwrap());
        if !give_away(folders.root(), &is_roots) {
            eprintln!("SKIPPED: this user may give files to no other");
            return;
        }
        let left = as_nobody(|| folders.sweep(&[], &[])).unwrap();
        let aside = folder.path().canonicalize().unwrap().join(REMAINS).join(format!("{}-0", key(1)));
        assert_eq!(left.iter().map(|left| &left.at).collect::<Vec<_>>(), [&aside]);
        assert_eq!((left[0].code(), left[0].source.kind()), ("task-left-behind", io::ErrorKind::PermissionDenied));
        assert!(left[0].hint().contains(aside.to_str().unwrap()));
        let count = |part: &str| std::fs::read_dir(folder.path().join(part)).unwrap().count();
        assert_eq!((count(TASKS), count(LOGS), count(REMAINS)), (0, 0, 1));

        let again = as_nobody(|| folders.sweep(&[], &[])).unwrap();
        assert_eq!(again.iter().map(|left| &left.at).collect::<Vec<_>>(), [&aside], "it is tried again, where it is");
        assert!(folders.sweep(&[], &[]).is_empty(), "whoever may remove it does");
        assert_eq!(count(REMAINS), 0);
    }

    #[test]
    fn a_task_that_begins_anew_finds_nothing_of_what_stays() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        let made = folders.outputs(key(0)).join("made");
        std::fs::create_dir_all(made.join("by-the-engine")).unwrap();
        if !give_away(folders.root(), &|path| path.starts_with(&made)) {
            eprintln!("SKIPPED: this user may give files to no other");
            return;
        }
        let own = Folders { users: Users::Own { user: (NOBODY, NOBODY), leaves_namespace: false }, ..folders };
        as_nobody(|| own.prepare(key(0))).unwrap().unwrap();
        assert_eq!(std::fs::read_dir(own.outputs(key(0))).unwrap().count(), 0);
        let left = as_nobody(|| own.set_aside(key(0), io::ErrorKind::Other.into())).unwrap();
        assert!(left.at.ends_with(format!("{}-1", key(0))) && left.at.is_dir(), "{}", left.at.display());
    }

    /// To somebody that is not root, but for what `is_roots`.
    fn give_away(path: &Path, is_roots: &dyn Fn(&Path) -> bool) -> bool {
        let owner = if is_roots(path) { 0 } else { NOBODY };
        let inner = std::fs::read_dir(path).into_iter().flatten().flatten();
        inner.map(|entry| entry.path()).all(|inner| give_away(&inner, is_roots))
            && chown(path, Some(owner), Some(owner)).is_ok()
    }
}
