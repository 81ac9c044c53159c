//! Which folder a worker makes its own. Closing the wrong one would shut people out of their home, or of the machine.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use millrace_client::keys::{address_of, load};
use millrace_protocol::Address;
use rustix::process::geteuid;

use super::TASKS;
use crate::{Error, journal};

/// What a folder has that nobody has put anything into: on a disk of its own, and as the home of a new account.
const NEW_FOLDER: [&str; 4] = ["lost+found", ".bash_logout", ".bashrc", ".profile"];

/// Bytes that a file with a key has at most: 64 numbers, however they are laid out.
const LONGEST_KEY: u64 = 4_096;

/// Makes a folder, or takes one that is empty or was a worker's before, and closes it to everybody else. `node_key`'s
/// file may lie in it.
///
/// # Errors
/// [`Error::DataDirForeign`], [`Error::DataDir`], before anything in it is changed.
pub(crate) fn claim(folder: &Path, node_key: Address) -> Result<(), Error> {
    check_data_dir(folder, |path| holds(path, node_key))?;
    let unusable = |source| Error::DataDir { path: folder.to_owned(), source };
    // Root may close any folder, and its owner would have what is in it all the same.
    if fs::metadata(folder).is_ok_and(|found| found.uid() != geteuid().as_raw()) && !is_a_workers(folder) {
        return Err(unusable(io::Error::new(io::ErrorKind::PermissionDenied, "another user owns it")));
    }
    fs::create_dir_all(folder).map_err(unusable)?;
    // Inputs of one job are nobody else's business.
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(unusable)
}

/// Makes sure that a worker may make the folder its own: that it is not there yet, has nothing in it but the node's key,
/// or was a worker's before. Changes nothing.
///
/// # Errors
/// [`Error::DataDirForeign`], [`Error::DataDir`].
pub fn check_data_dir(folder: &Path, is_key: impl Fn(&Path) -> bool) -> Result<(), Error> {
    let unusable = |source| Error::DataDir { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unusable)?,
    };
    if is_a_workers(folder) {
        return Ok(());
    }
    for entry in entries {
        let entry = entry.map_err(unusable)?;
        let (name, path) = (entry.file_name(), entry.path());
        // A worker that was killed at once has made its lock and no more.
        let is_new = NEW_FOLDER.iter().any(|known| name == *known) || name == journal::LOCK && is_lock(&path);
        if !is_new && !is_key(&path) {
            return Err(Error::DataDirForeign { path: folder.to_owned(), found: name.into() });
        }
    }
    Ok(())
}

/// Of whatever release: each has made its lock before all else, and its journal and the folder of tasks right after. One
/// of these may be gone: a journal that was damaged is moved away, and of those who tidy up some remove empty files.
fn is_a_workers(folder: &Path) -> bool {
    let has_journal = folder.join(journal::FILE).is_file();
    let is_locked = is_lock(&folder.join(journal::LOCK)) && (has_journal || folder.join(TASKS).is_dir());
    is_locked || has_journal && journal::read(folder).is_ok_and(|records| !records.is_empty())
}

/// A worker's has nothing in it.
fn is_lock(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0)
}

/// Whether it is the file of this key.
fn holds(path: &Path, key: Address) -> bool {
    let may_be = fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() <= LONGEST_KEY);
    may_be && load(path).is_ok_and(|found| address_of(&found) == key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};
    use std::path::PathBuf;

    use millrace_agent::Record;
    use millrace_client::Keypair;
    use millrace_client::keys::save;
    use millrace_protocol::Diagnostic;

    use super::*;
    use crate::folders::Folders;
    use crate::folders::removal::tests::{NOBODY, as_nobody};
    use crate::journal::Journal;

    const KEY: Address = Address([1; 32]);

    /// A folder that everybody may look into, with these in it; those that end with a slash are folders.
    fn folder(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("data");
        fs::create_dir(&folder).unwrap();
        for name in names {
            match name.strip_suffix('/') {
                Some(name) => fs::create_dir(folder.join(name)).unwrap(),
                None => fs::write(folder.join(name), "").unwrap(),
            }
        }
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        (dir, folder)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Refused for one of the things in it, and left as it was.
    #[track_caller]
    fn is_left(folder: &Path) {
        let before = (mode(folder), names(folder));
        let error = claim(folder, KEY).unwrap_err();
        assert_eq!(error.code(), "data-folder-foreign", "{:?}", before.1);
        let told = |name: &String| format!("{} holds {name}, and nothing of a worker's", folder.display());
        assert!(before.1.iter().any(|name| told(name) == error.to_string()), "{error}");
        assert!(error.hint().contains("--data-dir"), "{}", error.hint());
        assert_eq!((mode(folder), names(folder)), before);
    }

    #[track_caller]
    fn is_taken(folder: &Path) {
        let before = names(folder);
        claim(folder, KEY).unwrap();
        assert_eq!((mode(folder), names(folder)), (0o700, before));
    }

    #[test]
    fn a_folder_that_is_not_there_is_made_for_the_worker_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("not/there");
        claim(&folder, KEY).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn a_folder_that_nobody_has_put_anything_into_is_taken() {
        // A disk of its own; a new home; a worker's that was killed at once.
        let cases: [&[&str]; 4] = [&[], &["lost+found/"], &[".bash_logout", ".bashrc", ".profile"], &["lock"]];
        for names in cases {
            is_taken(&folder(names).1);
        }
    }

    #[test]
    fn a_folder_with_something_of_others_is_left_as_it_is() {
        let cases: [&[&str]; 10] = [
            &["letters"],
            &[".ssh/"],
            &["bin/", "etc/", "lost+found/"],
            &["lost+found/", "letters"],
            &["lock", "letters"],
            &["journal"],
            &["journal", "tasks/"],
            &["cache/", "logs/", "tasks/"],
            &["lock/", "journal"],
            &["lock", "journal/", "tasks"],
        ];
        for names in cases {
            is_left(&folder(names).1);
        }
        let (_dir, locked) = folder(&["lock", "journal", "tasks/"]);
        fs::write(locked.join("lock"), "4711").unwrap();
        is_left(&locked);
    }

    #[test]
    fn the_root_of_the_machine_is_left_as_it_is() {
        let before = (mode(Path::new("/")), names(Path::new("/")));
        let error = claim(Path::new("/"), KEY).unwrap_err();
        assert!(matches!(error, Error::DataDirForeign { .. }), "{error:?}");
        assert_eq!((mode(Path::new("/")), names(Path::new("/"))), before);
        // Where tests run: the package's own folder.
        assert_eq!(claim(Path::new("."), KEY).unwrap_err().code(), "data-folder-foreign");
    }

    #[test]
    fn a_folder_of_a_worker_of_any_release_is_taken() {
        // The first release's; one whose damaged journal was moved away; one that its owner keeps something in.
        let cases: [&[&str]; 3] =
            [&["cache/", "journal", "lock", "logs/", "tasks/"], &["lock", "tasks/"], &["journal", "letters", "lock"]];
        for names in cases {
            is_taken(&folder(names).1);
        }
        let (_dir, own) = folder(&[]);
        drop(Journal::open(&own).unwrap());
        is_taken(&own);
        Folders::create(&own).unwrap();
        fs::write(own.join("control"), "").unwrap();
        is_taken(&own);
    }

    #[test]
    fn a_journal_that_says_something_is_a_workers_without_its_lock() {
        let (_dir, own) = folder(&["letters"]);
        let (mut journal, _) = Journal::open(&own).unwrap();
        journal.append(&Record::LeaseEnding { lease: Address([2; 32]) }).unwrap();
        drop(journal);
        fs::remove_file(own.join("lock")).unwrap();
        is_taken(&own);
        let (_dir, notes) = folder(&[]);
        fs::write(notes.join("journal"), "Dear diary,\nit rained.\n").unwrap();
        is_left(&notes);
    }

    #[test]
    fn the_nodes_key_may_lie_in_it_and_no_other() {
        let (_dir, folder) = folder(&["lost+found/"]);
        let key = Keypair::new();
        save(&folder.join("rig.json"), &key).unwrap();
        is_left(&folder);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        claim(&folder, address_of(&key)).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn a_link_is_what_it_leads_to() {
        let (dir, empty) = folder(&[]);
        let link = dir.path().join("link");
        symlink(&empty, &link).unwrap();
        is_taken(&link);
        assert!(link.is_symlink() && mode(&empty) == 0o700);

        fs::write(empty.join("letters"), "").unwrap();
        fs::set_permissions(&empty, Permissions::from_mode(0o755)).unwrap();
        is_left(&link);

        let nowhere = dir.path().join("nowhere");
        symlink(dir.path().join("gone"), &nowhere).unwrap();
        assert_eq!(claim(&nowhere, KEY).unwrap_err().code(), "data-folder-unusable");
        assert!(!dir.path().join("gone").exists());
    }

    #[test]
    fn what_is_no_folder_is_left_as_it_is() {
        let (_dir, folder) = folder(&["file"]);
        let file = folder.join("file");
        let before = mode(&file);
        for path in [&file, &file.join("below"), Path::new("")] {
            assert_eq!(claim(path, KEY).unwrap_err().code(), "data-folder-unusable", "{}", path.display());
        }
        assert!(mode(&file) == before && fs::read(&file).unwrap().is_empty());
    }

    #[test]
    fn an_empty_folder_of_another_user_is_left_as_it_is_and_a_workers_is_taken() {
        let (_dir, folder) = folder(&[]);
        if chown(&folder, Some(NOBODY), Some(NOBODY)).is_err() {
            eprintln!("SKIPPED: this user may give files to no other");
            return;
        }
        let error = claim(&folder, KEY).unwrap_err();
        assert!(matches!(&error, Error::DataDir { source, .. } if source.kind() == io::ErrorKind::PermissionDenied));
        assert_eq!((error.code(), mode(&folder)), ("data-folder-unusable", 0o755));
        drop(Journal::open(&folder).unwrap());
        is_taken(&folder);
    }

    #[test]
    fn a_folder_that_others_have_closed_is_left_as_it_is() {
        let (dir, folder) = folder(&[]);
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o750)).unwrap();
        let Some(claimed) = as_nobody(|| claim(&folder, KEY).map_err(|error| error.code())) else { return };
        assert_eq!(claimed, Err("data-folder-unusable"));
        assert_eq!(mode(&folder), 0o750);
    }
}
