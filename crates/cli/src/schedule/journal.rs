//! The journal on disk: what is about to be opened is written before it is, so that whoever goes on after a crash
//! opens nothing twice.

use std::io::Write;
use std::path::{Path, PathBuf};

use millrace_protocol::{Diagnostic, UnixSeconds};
use thiserror::Error;

use super::Journal;

#[derive(Debug, Error)]
pub enum Error {
    #[error("`{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("`{}` is no schedule's journal", path.display())]
    Foreign { path: PathBuf, source: serde_json::Error },
    #[error("`{}` cannot be written", path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::Foreign { .. } => "schedule-journal-unreadable",
            Self::Unwritable { .. } => "schedule-journal-unwritable",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Unreadable { .. } | Self::Foreign { .. } => {
                "name another file by `--journal`; one that is not there yet begins a new schedule"
            }
            Self::Unwritable { .. } => "name a file in a folder that you may write by `--journal`",
        }
        .to_owned()
    }
}

/// The journal; a new one that begins now where there is none.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::Foreign`].
pub fn read(path: &Path, now: UnixSeconds) -> Result<Journal, Error> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| Error::Foreign { path: path.to_owned(), source }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Journal::begin(now)),
        Err(source) => Err(Error::Unreadable { path: path.to_owned(), source }),
    }
}

/// Replaces the journal as a whole; what is returned from is on disk.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn write(path: &Path, journal: &Journal) -> Result<(), Error> {
    let failed = |source| Error::Unwritable { path: path.to_owned(), source };
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let text = serde_json::to_vec_pretty(journal).expect("numbers and addresses are JSON");
    let mut file = std::fs::File::create(&draft).map_err(failed)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&draft, path).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use millrace_protocol::{Address, MicroUsdc};

    use super::*;
    use crate::schedule::Run;

    #[test]
    fn what_is_written_is_read_and_nothing_is_made_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.schedule.json");
        let begun = read(&path, UnixSeconds(7)).unwrap();
        assert_eq!(begun, Journal::begin(UnixSeconds(7)));
        let (job, deposit) = (Address([3; 32]), MicroUsdc(5));
        let mut journal = begun;
        journal.begin_run(Run { at: UnixSeconds(60), id: 60, job, deposit, opened: false, over: false });
        write(&path, &journal).unwrap();
        assert_eq!(read(&path, UnixSeconds(99)).unwrap(), journal);
        std::fs::write(&path, "[]").unwrap();
        assert_eq!(read(&path, UnixSeconds(99)).unwrap_err().code(), "schedule-journal-unreadable");
        let nowhere = folder.path().join("nowhere").join("journal.json");
        assert_eq!(write(&nowhere, &journal).unwrap_err().code(), "schedule-journal-unwritable");
    }
}
