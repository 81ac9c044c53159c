//! What nobody needs any more is deleted. An object may be one job's output and another's input, so each is looked at by
//! itself, whatever it was stored for: it goes when no job refers to it, and nobody stored it or asked for it of late who
//! may refer to it soon.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{DirEntry, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use millrace_spec::{JobSpec, Manifest, ObjectRef, Sha256, sha256};
use serde::Deserialize;

use super::{Error, Objects, receive, staged};

/// Who stores an object, or finds that it is here and so does not send it, refers to it within this time.
const RESTS: Duration = Duration::from_secs(24 * 3_600);
/// What was brought away of a running task rests no longer, unless somebody asked for it since: a task may bring away
/// as much every few minutes.
const ROUND_RESTS: Duration = Duration::from_secs(3_600);

/// What jobs refer to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Needed {
    /// Of jobs on chain. So are the inputs that they name.
    pub specs: HashSet<Sha256>,
    /// Of rounds that a task may begin with, or show. So are the files that they name.
    pub manifests: HashSet<Sha256>,
    /// Whatever else.
    pub others: HashSet<Sha256>,
}

/// Complete objects that were deleted since the start, and their bytes.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    objects: AtomicU64,
    bytes: AtomicU64,
}

/// What a sweep knows of objects.
struct Known {
    needed: HashSet<Sha256>,
    inputs: HashSet<Sha256>,
    /// What rounds named that are over, and when the last of them was noted.
    rounds: HashMap<Sha256, SystemTime>,
}

impl Known {
    fn is_due(&self, now: SystemTime, object: Sha256, asked_for: SystemTime) -> bool {
        let of_round = self.rounds.get(&object).is_some_and(|noted| asked_for <= *noted);
        let rests = if of_round { ROUND_RESTS } else { RESTS };
        now.duration_since(asked_for).is_ok_and(|rested| rested > rests)
    }
}

/// The part of a spec that names objects, whatever this version makes of the rest.
#[derive(Deserialize)]
struct Inputs {
    #[serde(default)]
    inputs: BTreeMap<String, ObjectRef>,
}

impl Objects {
    /// Deletes uploads that nobody went on with for a day, whoever began them and before whichever restart.
    ///
    /// # Errors
    /// [`Error::File`].
    pub async fn sweep_uploads(&self, now: SystemTime) -> Result<(), Error> {
        let _alone = self.admitting.lock().await;
        let folders = [self.uploads.clone(), self.staged.clone()];
        Ok(receive::beside(move || folders.iter().try_for_each(|folder| staged::sweep(folder, now))).await?)
    }

    /// Deletes complete objects that nobody needs. `now` is from before `needed` was known: who refers to something
    /// since then has asked for it less than a day before.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::File`]. Nothing is deleted where a spec or a manifest that is needed cannot be
    /// read: what it names would go.
    pub async fn sweep(&self, now: SystemTime, needed: Needed) -> Result<(), Error> {
        let this = self.clone();
        let known = Arc::new(receive::beside(move || this.look_up(needed)).await?);
        for first in 0..=u8::MAX {
            let (this, known) = (self.clone(), known.clone());
            receive::beside(move || this.sweep_folder(first, now, &known)).await?;
        }
        Ok(())
    }

    /// Complete objects that were deleted since the start, and their bytes.
    pub fn deleted(&self) -> (u64, u64) {
        let Deleted { objects, bytes } = &*self.deleted;
        (objects.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed))
    }

    fn look_up(&self, Needed { specs, manifests, others }: Needed) -> Result<Known, Error> {
        let (mut needed, mut inputs, mut rounds) = (others, HashSet::new(), HashMap::new());
        for spec in specs {
            inputs.extend(self.inputs_of(spec)?);
            needed.insert(spec);
        }
        for manifest in &manifests {
            needed.extend(self.files_of(*manifest)?.unwrap_or_default());
            needed.insert(*manifest);
        }
        for mark in std::fs::read_dir(&self.checkpoints)? {
            let mark = mark?;
            let Some(manifest) = named(&mark).filter(|manifest| !manifests.contains(manifest)) else { continue };
            let files = match self.files_of(manifest) {
                Ok(Some(files)) => files,
                Ok(None) => {
                    std::fs::remove_file(mark.path())?;
                    continue;
                }
                Err(Error::Damaged(_)) => Vec::new(),
                Err(error) => return Err(error),
            };
            let noted = mark.metadata()?.modified()?;
            for object in files.into_iter().chain([manifest]) {
                let last = rounds.entry(object).or_insert(noted);
                *last = noted.max(*last);
            }
        }
        Ok(Known { needed, inputs, rounds })
    }

    /// None of what is no spec, nor of one that is not here.
    fn inputs_of(&self, spec: Sha256) -> Result<Vec<Sha256>, Error> {
        let read = self.read_intact(spec, JobSpec::LONGEST)?;
        let named = read.and_then(|bytes| serde_json::from_slice::<Inputs>(&bytes).ok());
        Ok(named.into_iter().flat_map(|named| named.inputs.into_values()).map(|input| input.sha256).collect())
    }

    fn files_of(&self, manifest: Sha256) -> Result<Option<Vec<Sha256>>, Error> {
        let Some(bytes) = self.read_intact(manifest, Manifest::LONGEST)? else { return Ok(None) };
        let files = Manifest::from_bytes(&bytes).into_iter().flat_map(|read| read.files);
        Ok(Some(files.map(|file| file.object.sha256).collect()))
    }

    /// None where it is not here, or longer than `longest`.
    fn read_intact(&self, object: Sha256, longest: u64) -> Result<Option<Vec<u8>>, Error> {
        let file = match File::open(self.complete_path(object)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.take(longest.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > longest {
            return Ok(None);
        }
        if sha256(&bytes) == object { Ok(Some(bytes)) } else { Err(Error::Damaged(object)) }
    }

    fn sweep_folder(&self, first: u8, now: SystemTime, known: &Known) -> Result<(), Error> {
        for entry in std::fs::read_dir(self.complete.join(format!("{first:02x}")))? {
            let entry = entry?;
            let Some(object) = named(&entry) else { continue };
            let asked_for = entry.metadata()?.modified()?;
            if known.inputs.contains(&object) {
                // So that it rests from its job's end on.
                if asked_for < now {
                    File::open(entry.path())?.set_modified(now)?;
                }
            } else if !known.needed.contains(&object) && known.is_due(now, object, asked_for) {
                self.delete(&entry.path(), |asked_for| known.is_due(now, object, asked_for))?;
            }
        }
        Ok(())
    }

    /// Unless somebody has claimed it meanwhile.
    fn delete(&self, path: &Path, is_due: impl Fn(SystemTime) -> bool) -> Result<(), Error> {
        let alone = self.claims.write().unwrap_or_else(PoisonError::into_inner);
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !is_due(metadata.modified()?) {
            return Ok(());
        }
        std::fs::remove_file(path)?;
        drop(alone);
        // Only now its space is freed, which takes long where it is large: nobody waits for that.
        drop(file);
        self.deleted.objects.fetch_add(1, Ordering::Relaxed);
        self.deleted.bytes.fetch_add(metadata.len(), Ordering::Relaxed);
        Ok(())
    }
}

/// The object that a file is named after.
fn named(entry: &DirEntry) -> Option<Sha256> {
    entry.file_name().to_str()?.parse().ok()
}

#[cfg(test)]
mod tests;
