use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millrace_protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

use crate::whole_file;

/// An image that the worker pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The engine's: what the name meant when it was pulled; none until the first pull under it is over.
    pub id: Option<String>,
    pub bytes: u64,
    pub used_at: UnixSeconds,
    /// It came with a job's login: whoever else wants it must show one that its registry accepts.
    #[serde(default)]
    pub guarded: bool,
}

/// What the worker pulled and has not removed, by the name that the job gave it, or by its id once that name means
/// another image; kept in one file.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    records: BTreeMap<String, Record>,
}

impl Ledger {
    /// One that is damaged is begun anew: its images count as the owner's then.
    ///
    /// # Errors
    /// Those of the file system; no file is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let records = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, "the list of pulled images is damaged: those on the rig stay there");
                BTreeMap::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { path: path.to_owned(), records })
    }

    /// Replaces the file, or leaves it as it is.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self) -> io::Result<()> {
        whole_file::replace(&self.path, &serde_json::to_vec(&self.records)?)
    }

    /// An image that nobody has named before is about to be pulled: what is there afterwards is the worker's, whatever
    /// becomes of the worker meanwhile.
    pub fn intend(&mut self, image: &str, at: UnixSeconds, guarded: bool) {
        // Of two who pull the same at once, whose login it came with is not known.
        let guarded = guarded || self.records.get(image).is_some_and(|other| other.id.is_none() && other.guarded);
        self.note(image, Record { id: None, bytes: 0, used_at: at, guarded });
    }

    /// Whether nobody has noted yet what came of the first pull under this name.
    pub fn is_intended(&self, image: &str) -> bool {
        self.records.get(image).is_some_and(|record| record.id.is_none())
    }

    /// Names that were to be pulled for the first time, and of which nobody has noted what came of it.
    pub fn intended(&self) -> Vec<String> {
        self.records.iter().filter(|(_, record)| record.id.is_none()).map(|(image, _)| image.clone()).collect()
    }

    /// What was intended is there.
    pub fn settle(&mut self, image: &str, id: String, bytes: u64) {
        if let Some(record) = self.records.get_mut(image).filter(|record| record.id.is_none()) {
            (record.id, record.bytes) = (Some(id), bytes);
        }
    }

    pub fn note(&mut self, image: &str, record: Record) {
        let id = record.id.clone();
        let Some(old) = self.records.insert(image.to_owned(), record) else { return };
        // The name has moved on: the image that has lost it is still there, and still the worker's.
        if let Some(old_id) = old.id.clone().filter(|old_id| Some(old_id) != id.as_ref())
            && !self.records.values().any(|other| other.id.as_ref() == Some(&old_id))
        {
            self.records.insert(old_id, old);
        }
    }

    /// Whether this very image was pulled under the name.
    pub fn holds(&self, image: &str, id: &str) -> bool {
        self.records.get(image).is_some_and(|record| record.id.as_deref() == Some(id))
    }

    pub fn touch(&mut self, image: &str, at: UnixSeconds) {
        if let Some(record) = self.records.get_mut(image) {
            record.used_at = at;
        }
    }

    /// Whether the image came with a login, under whichever of its names it is asked for.
    pub fn is_guarded(&self, id: &str) -> bool {
        self.records.values().any(|record| record.guarded && record.id.as_deref() == Some(id))
    }

    pub fn forget(&mut self, image: &str) {
        self.records.remove(image);
    }

    pub fn count(&self) -> u64 {
        self.records.values().filter(|record| record.id.is_some()).count() as u64
    }

    pub fn bytes(&self) -> u64 {
        self.records.values().fold(0, |sum, record| sum.saturating_add(record.bytes))
    }

    /// Those that are not pinned, by name or id, in the order in which they go.
    pub fn oldest_first(&self, pinned: &BTreeSet<&str>) -> Vec<(String, Record)> {
        let is_needed = |record: &Record| record.id.as_deref().is_some_and(|id| pinned.contains(id));
        let idle = self.records.iter();
        let idle = idle.filter(|(image, record)| !pinned.contains(image.as_str()) && !is_needed(record));
        let mut idle: Vec<_> = idle.map(|(image, record)| (image.clone(), record.clone())).collect();
        idle.sort_by(|(a, first), (b, second)| (first.used_at, a).cmp(&(second.used_at, b)));
        idle
    }
}
