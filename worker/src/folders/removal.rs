use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Removes a folder that a stranger's program has filled. Such a program may nest folders deeper
/// than recursion, open files or paths go, and close them to everybody but root: so folders are
/// opened up first, and those further down are moved up before they are emptied. What cannot be removed, such as what
/// an engine made there as root, does not keep the rest.
///
/// # Errors
/// The first that left something behind.
pub(super) fn remove_tree(root: &Path) -> io::Result<()> {
    let mut trouble = Trouble::default();
    let mut folders = vec![root.to_owned()];
    // What holds what could not be moved out of it, outermost first.
    let mut holding = Vec::new();
    let mut moved = 0u64;
    while let Some(folder) = folders.pop() {
        // Whether that matters shows when it is emptied.
        let _ = fs::set_permissions(&folder, Permissions::from_mode(0o700));
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // An empty one goes all the same.
            Err(error) => {
                if fs::remove_dir(&folder).is_err() {
                    trouble.note(&folder, error);
                }
                continue;
            }
        };
        let mut holds = false;
        for entry in entries {
            let Ok(entry) = entry.map_err(|error| trouble.note(&folder, error)) else { break };
            let path = entry.path();
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if let Err(error) = fs::remove_file(&path) {
                    trouble.note(&path, error);
                }
            } else if folder == root {
                folders.push(path);
            } else if let Some(flat) = move_up(&path, root, &mut moved) {
                folders.push(flat);
            } else {
                holds = true;
                folders.push(path);
            }
        }
        if holds || folder == root {
            holding.push(folder);
        } else if let Err(error) = fs::remove_dir(&folder) {
            trouble.note(&folder, error);
        }
    }
    for folder in holding.iter().rev() {
        if let Err(error) = fs::remove_dir(folder) {
            trouble.note(folder, error);
        }
    }
    trouble.first.map_or(Ok(()), Err)
}

/// Where it is then; `None` where it stays.
fn move_up(path: &Path, root: &Path, moved: &mut u64) -> Option<PathBuf> {
    // Moving a folder takes the right to write into it.
    let _ = fs::set_permissions(path, Permissions::from_mode(0o700));
    let flat = loop {
        let flat = root.join(format!("removing-{moved}"));
        *moved += 1;
        if fs::symlink_metadata(&flat).is_err() {
            break flat;
        }
    };
    fs::rename(path, &flat).is_ok().then_some(flat)
}

#[derive(Default)]
struct Trouble {
    first: Option<io::Error>,
}

impl Trouble {
    fn note(&mut self, path: &Path, error: io::Error) {
        // Gone is gone.
        if error.kind() != io::ErrorKind::NotFound {
            let named = || io::Error::new(error.kind(), format!("{}: {error}", path.display()));
            self.first.get_or_insert_with(named);
        }
    }
}

#[cfg(test)]
pub mod tests {
    use std::os::unix::fs::chown;

    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    use super::*;

    /// Some user that is not root.
    pub const NOBODY: u32 = 65_534;

    /// Without root's rights, which one thread alone gives away; `None` where there are none.
    pub fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        let become_nobody = move || {
            set_thread_groups(&[])?;
            set_thread_res_gid(group, group, group)?;
            set_thread_res_uid(user, user, user)
        };
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || match become_nobody() {
                Ok(()) => Some(work()),
                Err(_) => {
                    eprintln!("SKIPPED: only root can be another user");
                    None
                }
            });
            thread.join().unwrap()
        })
    }

    fn folder(path: PathBuf, owner: u32) -> PathBuf {
        fs::create_dir(&path).unwrap();
        let _ = chown(&path, Some(owner), Some(owner));
        path
    }

    #[test]
    fn an_empty_folder_of_roots_goes_where_its_parent_is_ones_own() {
        let dir = tempfile::tempdir().unwrap();
        let _ = chown(dir.path(), Some(NOBODY), Some(NOBODY));
        let root = folder(dir.path().join("task"), NOBODY);
        let outputs = folder(root.join("outputs"), NOBODY);
        folder(outputs.join("made-by-the-engine"), 0);
        let closed = folder(outputs.join("closed"), 0);
        fs::set_permissions(closed, Permissions::from_mode(0o700)).unwrap();
        if let Some(removed) = as_nobody(|| remove_tree(&root)) {
            removed.unwrap();
            assert!(!root.exists());
        }
    }

    #[test]
    fn what_cannot_be_removed_does_not_keep_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let _ = chown(dir.path(), Some(NOBODY), Some(NOBODY));
        let root = folder(dir.path().join("task"), NOBODY);
        let outputs = folder(root.join("outputs"), NOBODY);
        let stays = folder(folder(outputs.join("made"), 0).join("by-the-engine"), 0);
        for name in ["a", "made-not", "z"] {
            let other = folder(outputs.join(name), NOBODY);
            fs::write(folder(other.join("more"), NOBODY).join("file"), "x").unwrap();
            chown(other.join("more/file"), Some(NOBODY), Some(NOBODY)).unwrap_or(());
        }
        if let Some(removed) = as_nobody(|| remove_tree(&root)) {
            let error = removed.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            assert!(error.to_string().starts_with(&stays.display().to_string()), "{error}");
            let left = |folder: &Path| fs::read_dir(folder).unwrap().count();
            assert!(stays.is_dir() && left(&outputs) == 1 && left(&root) == 1);
        }
        remove_tree(&root).unwrap();
        assert!(!root.exists());
    }
}
