use std::io;
use std::path::Path;

use millrace_client::keys::load;
use millrace_protocol::Diagnostic;
use rustix::fs::{Access, access, statvfs};

use super::Finding;
use crate::{Error, check_data_dir, disk};

const SUBJECT: &str = "disk";

/// Bytes free on the disk that the data folder is on, or will be; an error where no folder of files may be.
pub(super) fn free(folder: &Path) -> io::Result<u64> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    // A link that leads nowhere is there all the same.
    let existing = absolute.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(&absolute);
    if !existing.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{} is no folder", existing.display())));
    }
    access(existing, Access::WRITE_OK)?;
    // As /proc and /sys have it, whoever may write to them.
    if statvfs(existing)?.f_blocks == 0 {
        return Err(io::Error::other(format!("{} has no room for files", existing.display())));
    }
    disk::free_bytes(existing)
}

/// Says so where the folder has something else in it than a worker's things and a key.
pub(super) fn foreign(folder: &Path) -> Option<Finding> {
    match check_data_dir(folder, |file| load(file).is_ok()) {
        Err(error @ Error::DataDirForeign { .. }) => Some(Finding::bad(SUBJECT, error.to_string(), error.hint())),
        // What keeps it from being looked into keeps it from being written to.
        _ => None,
    }
}

pub(super) fn judge(folder: &Path, free: io::Result<u64>, reserve_mib: u64) -> Finding {
    let folder = folder.display();
    match free {
        Ok(free) if free / 1_048_576 >= reserve_mib => {
            Finding::good(SUBJECT, format!("{} MiB free for {folder}, {reserve_mib} of them kept", free / 1_048_576))
        }
        Ok(free) => {
            let found = format!("{} MiB free for {folder}, {reserve_mib} MiB are to be kept", free / 1_048_576);
            Finding::bad(SUBJECT, found, "`docker system prune` frees what Docker keeps; or another `--data-dir`")
        }
        Err(error) => Finding::bad(SUBJECT, format!("{folder}: {error}"), "name another `--data-dir`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Grade;

    #[test]
    fn a_folder_that_is_not_there_yet_is_on_the_disk_above_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free(&folder.path().join("not/there/yet")).unwrap() > 0);
    }

    #[test]
    fn a_folder_that_nobody_may_write_is_told() {
        // Read-only for every user, root too.
        assert!(free(Path::new("/proc/self/millrace")).is_err());
    }

    #[test]
    fn what_can_be_no_folder_is_bad_and_another_one_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(folder.path().join("gone"), &link).unwrap();
        for path in [&file, &file.join("below"), &link, Path::new("/proc/foo"), Path::new("/sys/foo")] {
            let judged = judge(path, free(path), 1);
            assert_eq!(judged.grade, Grade::Bad, "{judged:?}");
            assert!(judged.found.starts_with(&format!("{}: ", path.display())), "{judged:?}");
            assert_eq!(judged.fix.as_deref(), Some("name another `--data-dir`"));
        }
    }

    #[test]
    fn a_folder_with_something_of_others_is_bad() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(foreign(folder.path()), None);
        std::fs::write(folder.path().join("letters"), "").unwrap();
        let finding = foreign(folder.path()).unwrap();
        assert_eq!(finding.grade, Grade::Bad);
        assert!(finding.found.contains("letters") && finding.fix.unwrap().contains("--data-dir"), "{}", finding.found);
    }

    #[test]
    fn a_disk_with_just_its_reserve_is_enough() {
        let judged = |mib: u64| judge(Path::new("/data"), Ok(mib * 1_048_576), 512).grade;
        assert_eq!([judged(511), judged(512)], [Grade::Bad, Grade::Good]);
        assert_eq!(judge(Path::new("/data"), Err(io::Error::other("broken")), 0).grade, Grade::Bad);
    }
}
