//! Files that are replaced as a whole: whoever reads one, also after a power cut, finds all of what is new or all of what
//! was there before. No library: `tempfile` gives each fresh file another name, so that one of a killed worker would stay
//! for good, and syncs nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Returns when it is on disk.
///
/// # Errors
/// Those of the file system. The file is as it was then, unless it is its folder alone that could not be synced.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (_, folder) = put(path, bytes, |_| Ok(()))?;
    folder.sync_all()
}

/// The same for whoever goes on writing: the new file, to append to, and its folder. What is in the file is on disk; that
/// it has the old one's name is so once the folder is synced. `prepare` is done to it before it takes the old one's place.
///
/// # Errors
/// Those of the file system, and `prepare`'s. The file is as it was then.
pub(crate) fn put(
    path: &Path,
    bytes: &[u8],
    prepare: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<(File, File)> {
    // Before the old file goes: after that nothing may fail for want of a descriptor.
    let folder = File::open(path.parent().unwrap_or(Path::new(".")))?;
    let fresh = path.with_added_extension("new");
    let written = write(&fresh, bytes, prepare).and_then(|file| fs::rename(&fresh, path).map(|()| file));
    let file = written.inspect_err(|_| {
        // On a full disk it would keep the room that was lacking.
        let _ = fs::remove_file(&fresh);
    })?;
    Ok((file, folder))
}

fn write(fresh: &Path, bytes: &[u8], prepare: impl FnOnce(&File) -> io::Result<()>) -> io::Result<File> {
    // What a worker that was killed has left.
    let _ = fs::remove_file(fresh);
    let mut file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(fresh)?;
    file.write_all(bytes)?;
    prepare(&file)?;
    file.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::PathBuf;

    use super::*;

    fn old() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.json");
        replace(&path, b"old").unwrap();
        (folder, path)
    }

    fn names(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into()).collect()
    }

    #[test]
    fn what_is_new_takes_the_place_of_what_was_there_and_nobody_else_may_read_it() {
        let (folder, path) = old();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), [Path::new("list.json")]);
    }

    #[test]
    fn what_a_killed_worker_has_left_is_neither_kept_nor_followed() {
        let (folder, path) = old();
        let (fresh, other) = (folder.path().join("list.json.new"), folder.path().join("other"));
        fs::write(&fresh, "the longer half of something else").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        fs::write(&other, "other").unwrap();
        symlink(&other, &fresh).unwrap();
        replace(&path, b"newer").unwrap();
        assert_eq!((fs::read(&path).unwrap(), fs::read(&other).unwrap()), (b"newer".to_vec(), b"other".to_vec()));
        assert!(fs::symlink_metadata(&path).unwrap().is_file() && !fresh.exists());
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        let (folder, path) = old();
        let full = put(&path, b"new", |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), [Path::new("list.json")], "half of it would take room");

        fs::create_dir(folder.path().join("list.json.new")).unwrap();
        assert_eq!(replace(&path, b"new").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert!(folder.path().join("list.json.new").is_dir(), "somebody else's");
    }

    #[test]
    fn a_folder_in_the_place_of_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.json");
        fs::create_dir(&path).unwrap();
        assert_eq!(replace(&path, b"new").unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert!(path.is_dir());
        assert_eq!(names(folder.path()), [Path::new("list.json")]);
    }

    #[test]
    fn whoever_goes_on_writing_writes_at_the_end() {
        let (_folder, path) = old();
        let (mut file, _) = put(&path, b"one\ntwo", |_| Ok(())).unwrap();
        // As the journal does with half a line.
        file.set_len(4).unwrap();
        file.write_all(b"three\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\nthree\n");
    }
}
