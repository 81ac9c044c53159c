use std::io;
use std::path::Path;

use millrace_client::keys::load;
use millrace_protocol::Diagnostic;
use rustix::fs::{Access, access};

use super::Finding;
use crate::{Error, check_data_dir, disk};

const SUBJECT: &str = "disk";

/// Bytes free on the disk that the data folder is on, or will be; an error where nothing may be written there.
pub(super) fn free(folder: &Path) -> io::Result<u64> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let existing = absolute.ancestors().find(|path| path.exists()).unwrap_or(&absolute);
    access(existing, Access::WRITE_OK)?;
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
