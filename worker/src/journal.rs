//! The journal: one line per record, each with its own checksum, on disk before anybody hears of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use millrace_agent::Record;
use millrace_protocol::Diagnostic;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::whole_file;

/// In the data folder.
pub(crate) const FILE: &str = "journal";
/// Beside it; whoever has locked it writes the journal. Nothing is in it.
pub(crate) const LOCK: &str = "lock";

/// Hex digits of the checksum that begins each line.
const CHECKSUM: usize = 16;

/// Bytes behind the journal's end that are its own already, so that a rig whose disk a job has filled can still write
/// down that it cleans up, however fast that job takes whatever becomes free.
const AHEAD: u64 = 1024 * 1024;
/// Bytes kept aside instead where the file system cannot reserve.
const BALLAST: usize = 256 * 1024;

/// Records after which a running worker compacts: a minute of vouchers every ten seconds is six.
const LONG: usize = 4_096;
/// Bytes after which it compacts sooner: a buyer decides how long the records of a task are, and 4096 of the longest
/// would be gigabytes.
const MUCH: u64 = 64 * 1024 * 1024;
/// As many times what the last compaction left must have come on top of it: leases that are in need of much would have
/// the loop write it all anew over and over.
const TIMES_LEFT: u64 = 2;

/// Why there is no journal.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the journal {path} cannot be accessed")]
    Io { path: PathBuf, source: io::Error },
    #[error("line {line} of the journal {path} is damaged, and it is not the last one")]
    Damaged { path: PathBuf, line: usize },
    #[error("another worker uses the data folder {path}")]
    InUse { path: PathBuf },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => "disk-full",
            Self::Io { .. } => "journal-inaccessible",
            Self::Damaged { .. } => "journal-damaged",
            Self::InUse { .. } => "data-folder-in-use",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Io { .. } => "check free space, owner and permissions of the worker's data folder".to_owned(),
            Self::Damaged { path, line } => format!(
                "check the disk; to give up what the worker held, move {} away; lines before {line} are good",
                path.display()
            ),
            Self::InUse { .. } => "stop the other worker, or give this one its own data folder".to_owned(),
        }
    }
}

/// What the journal in a folder says, whoever writes it meanwhile.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Io`].
pub fn read(folder: &Path) -> Result<Vec<Record>, Error> {
    let path = folder.join(FILE);
    let bytes = fs::read(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
    let (records, _) = parse(&bytes).map_err(|line| Error::Damaged { path, line })?;
    Ok(records)
}

/// An open journal. Holds a lock on its folder as long as it lives.
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes from its beginning.
    length: u64,
    /// How far its blocks reach.
    reserved: u64,
    /// Whether nothing is kept aside although nothing can be reserved.
    lacks_ballast: bool,
    /// Records since it was compacted, or was to be.
    appended: usize,
    /// Bytes since then.
    grown: u64,
    /// Bytes that the last compaction left.
    left: u64,
    _lock: File,
}

impl Journal {
    /// Opens the journal in `folder` and reads it. A torn last line is what a power cut leaves:
    /// nobody has heard of that record, so it is dropped.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Damaged`], [`Error::Io`].
    pub fn open(folder: &Path) -> Result<(Self, Vec<Record>), Error> {
        let path = folder.join(FILE);
        let failed = |source| Error::Io { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::create(folder.join(LOCK)).map_err(failed)?;
        lock.try_lock().map_err(|_| Error::InUse { path: folder.to_owned() })?;
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => vec![],
            read => read.map_err(failed)?,
        };
        let (records, good) = parse(&bytes).map_err(|line| Error::Damaged { path: path.clone(), line })?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
        // Cutting a file also gives away what is reserved behind its end.
        if good < bytes.len() {
            file.set_len(good as u64).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        // A file that was just made must still have its name after a power cut.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        let mut journal = Self {
            path,
            file,
            length: good as u64,
            reserved: 0,
            lacks_ballast: false,
            appended: 0,
            grown: 0,
            left: 0,
            _lock: lock,
        };
        // A worker that was left on a full disk must come up and clean.
        if let Err(error) = journal.reserve() {
            tracing::warn!(%error, "no room is reserved for the journal");
        }
        Ok((journal, records))
    }

    /// Returns when the record is on disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, record: &Record) -> Result<(), Error> {
        let path = self.path.clone();
        let failed = |source| Error::Io { path: path.clone(), source };
        let line = line(record);
        if let Err(error) = self.write(&line) {
            if error.kind() != io::ErrorKind::StorageFull {
                return Err(failed(error));
            }
            tracing::warn!("the disk is full: the journal lives on what was kept aside");
            self.file.set_len(self.length).map_err(failed)?;
            self.reserved = self.length;
            let _ = fs::remove_file(self.path.with_extension("ballast"));
            self.write(&line).map_err(failed)?;
        }
        self.length += line.len() as u64;
        self.appended += 1;
        self.grown += line.len() as u64;
        // On a full disk what is left of it must do.
        if self.reserved < self.length + AHEAD / 2 {
            let _ = self.reserve();
        }
        Ok(())
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)?;
        self.file.sync_data()
    }

    /// Makes the blocks behind the end its own.
    fn reserve(&mut self) -> io::Result<()> {
        self.lacks_ballast = !reserve(&self.file, self.length)?;
        self.reserved = self.length + AHEAD;
        Ok(())
    }

    /// Keeps room for bad times where none can be reserved, if there is any and none is kept yet.
    pub fn take_ballast(&mut self) {
        if !self.lacks_ballast {
            return;
        }
        let path = self.path.with_extension("ballast");
        self.lacks_ballast = !path.exists() && fs::write(&path, vec![0xff; BALLAST]).is_err();
        if self.lacks_ballast {
            // Half of it would pass for the whole.
            let _ = fs::remove_file(&path);
        }
    }

    /// Whether it is worth being compacted.
    pub fn is_long(&self) -> bool {
        self.appended >= LONG || self.grown > MUCH.max(self.left.saturating_mul(TIMES_LEFT))
    }

    /// Replaces everything by `records`, or leaves everything as it is.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn compact(&mut self, records: &[Record]) -> Result<(), Error> {
        // Also where it fails: on a full disk it would be tried at every tick.
        (self.appended, self.grown) = (0, 0);
        let failed = |source| Error::Io { path: self.path.clone(), source };
        let bytes: Vec<u8> = records.iter().flat_map(line).collect();
        let length = bytes.len() as u64;
        // With the old file goes what it has reserved.
        let prepare = |file: &File| reserve(file, length).map(drop);
        let (file, folder) = whole_file::put(&self.path, &bytes, prepare).map_err(failed)?;
        // From here on the old file has no name: nothing may fail before the new one is in use, or
        // later records go where no restart finds them.
        (self.file, self.length, self.reserved) = (file, length, length + AHEAD);
        self.left = length;
        folder.sync_all().map_err(failed)
    }
}

/// `false` on a file system that cannot do so.
fn reserve(file: &File, length: u64) -> io::Result<bool> {
    match fallocate(file, FallocateFlags::KEEP_SIZE, length, AHEAD) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn line(record: &Record) -> Vec<u8> {
    // Maps with text keys, lists, numbers and text: there is nothing JSON could refuse.
    let json = serde_json::to_vec(record).expect("a record is always JSON");
    let mut line = checksum(&json).into_bytes();
    line.push(b' ');
    line.extend(json);
    line.push(b'\n');
    line
}

fn checksum(json: &[u8]) -> String {
    hex::encode(&Sha256::digest(json)[..CHECKSUM / 2])
}

/// The records and how many bytes they take; the number of a bad line that others follow.
fn parse(bytes: &[u8]) -> Result<(Vec<Record>, usize), usize> {
    let (mut records, mut good) = (Vec::new(), 0);
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        match record(line) {
            Some(record) => records.push(record),
            None if lines.peek().is_none() => break,
            None => return Err(index + 1),
        }
        good += line.len();
    }
    Ok((records, good))
}

fn record(line: &[u8]) -> Option<Record> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, rest) = line.split_at_checked(CHECKSUM)?;
    let json = rest.strip_prefix(b" ")?;
    if checksum(json).as_bytes() != sum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Address;

    use super::*;

    fn records() -> Vec<Record> {
        (0..3).map(|lease| Record::LeaseEnding { lease: Address([lease; 32]) }).collect()
    }

    fn written() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, found) = Journal::open(folder.path()).unwrap();
        assert!(found.is_empty());
        records().iter().for_each(|record| journal.append(record).unwrap());
        let path = folder.path().join("journal");
        (folder, path)
    }

    #[test]
    fn what_was_written_is_read_and_continued() {
        let (folder, _) = written();
        let (mut journal, found) = Journal::open(folder.path()).unwrap();
        assert_eq!(found, records());
        journal.append(&found[0]).unwrap();
        assert_eq!(read(folder.path()).unwrap().len(), 4, "also while it is open");
        drop(journal);
        assert_eq!(Journal::open(folder.path()).unwrap().1.len(), 4);
    }

    #[test]
    fn a_cut_at_any_byte_of_the_last_line_loses_that_line_only() {
        let (folder, path) = written();
        let whole = fs::read(&path).unwrap();
        let third = whole.len() - whole.len() / 3;
        for length in third..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let (mut journal, found) = Journal::open(folder.path()).unwrap();
            assert_eq!(found, records()[..2], "cut at {length}");
            journal.append(&records()[2]).unwrap();
            drop(journal);
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
    }

    #[test]
    fn damage_in_the_middle_is_not_passed_over() {
        let (folder, path) = written();
        let mut bytes = fs::read(&path).unwrap();
        bytes[40] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(Journal::open(folder.path()), Err(Error::Damaged { line: 1, .. })));
    }

    #[test]
    fn compaction_replaces_everything_and_goes_on() {
        let (folder, path) = written();
        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        let before = fs::metadata(&path).unwrap().len();
        journal.compact(&records()[..1]).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < before);
        journal.append(&records()[2]).unwrap();
        drop(journal);
        let (_, found) = Journal::open(folder.path()).unwrap();
        assert_eq!(found, [records()[0].clone(), records()[2].clone()]);
    }

    #[test]
    fn what_cannot_be_made_shorter_is_not_written_anew_before_there_is_twice_as_much() {
        let (folder, _) = written();
        let (mut journal, found) = Journal::open(folder.path()).unwrap();
        (journal.left, journal.grown) = (MUCH, MUCH + 1);
        assert!(!journal.is_long());
        journal.grown = 2 * MUCH;
        journal.append(&found[0]).unwrap();
        assert!(journal.is_long());
    }

    #[test]
    fn a_compaction_that_fails_is_not_tried_again_at_once() {
        let (folder, path) = written();
        let (mut journal, found) = Journal::open(folder.path()).unwrap();
        fs::create_dir(path.with_extension("new")).unwrap();
        (journal.appended, journal.grown) = (LONG, MUCH + 1);
        journal.compact(&found).unwrap_err();
        assert!(!journal.is_long());
        (journal.appended, journal.grown) = (0, MUCH);
        journal.append(&found[0]).unwrap();
        assert!(journal.is_long(), "but before it has grown without bound");
    }

    #[test]
    fn two_workers_cannot_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = Journal::open(folder.path()).unwrap();
        assert!(matches!(Journal::open(folder.path()), Err(Error::InUse { .. })));
        drop(first);
        assert!(Journal::open(folder.path()).is_ok());
    }
}
