use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millrace_protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

/// An image that the worker pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The engine's: what the name meant when it was pulled.
    pub id: String,
    pub bytes: u64,
    pub used_at: UnixSeconds,
    /// It came with a job's login: whoever else wants it must show one that its registry accepts.
    #[serde(default)]
    pub guarded: bool,
}

/// What the worker pulled and has not removed, by the name that the job gave it; kept in one file.
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
        let fresh = self.path.with_extension("new");
        fs::write(&fresh, serde_json::to_vec(&self.records)?)?;
        fs::rename(fresh, &self.path)
    }

    pub fn note(&mut self, image: &str, record: Record) {
        self.records.insert(image.to_owned(), record);
    }

    pub fn touch(&mut self, image: &str, at: UnixSeconds) {
        if let Some(record) = self.records.get_mut(image) {
            record.used_at = at;
        }
    }

    pub fn has_guarded(&self) -> bool {
        self.records.values().any(|record| record.guarded)
    }

    /// Whether the image came with a login, under whichever of its names it is asked for.
    pub fn is_guarded(&self, id: &str) -> bool {
        self.records.values().any(|record| record.guarded && record.id == id)
    }

    pub fn forget(&mut self, image: &str) {
        self.records.remove(image);
    }

    pub fn count(&self) -> u64 {
        self.records.len() as u64
    }

    pub fn bytes(&self) -> u64 {
        self.records.values().fold(0, |sum, record| sum.saturating_add(record.bytes))
    }

    /// Those that are not pinned, in the order in which they go.
    pub fn oldest_first(&self, pinned: &BTreeSet<&str>) -> Vec<(String, Record)> {
        let idle = self.records.iter().filter(|(image, _)| !pinned.contains(image.as_str()));
        let mut idle: Vec<_> = idle.map(|(image, record)| (image.clone(), record.clone())).collect();
        idle.sort_by(|(a, first), (b, second)| (first.used_at, a).cmp(&(second.used_at, b)));
        idle
    }
}
