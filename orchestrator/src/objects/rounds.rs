//! What is brought away of tasks that run is not kept for ever, as results are: checkpoints and early outputs are noted,
//! and deleted when no task begins with them, or shows them, any more. Objects are shared by their contents, so a file
//! of one may be somebody's input or output as well: nothing goes that anybody refers to, or that was asked for of late
//! and may be referred to soon.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use millrace_spec::{Manifest, Sha256};

use super::{Error, Objects, receive};

/// Who finds that an object is here already, and so does not send it, refers to it within this time.
const RESTS: Duration = Duration::from_secs(3_600);

impl Objects {
    /// Remembers over restarts that this manifest's files may go some day.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Full`].
    pub async fn note_round(&self, manifest: Sha256) -> Result<(), Error> {
        let mark = self.round_mark(manifest);
        Ok(receive::beside(move || std::fs::File::create(mark).map(drop)).await?)
    }

    /// Somebody was told that the object is here: it stays for a while.
    pub async fn touch(&self, object: Sha256) {
        let path = self.complete_path(object);
        let touched = move || std::fs::File::open(path)?.set_modified(SystemTime::now());
        if let Err(error) = receive::beside(touched).await {
            tracing::debug!(%object, %error, "an object cannot be marked as used");
        }
    }

    /// Deletes what only rounds needed that are over. `live` are manifests that a task may begin with, or show; `referred`
    /// is whatever else anybody refers to.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn sweep_rounds(
        &self,
        now: SystemTime,
        live: &HashSet<Sha256>,
        referred: &HashSet<Sha256>,
    ) -> Result<(), Error> {
        let mut needed = referred.clone();
        for manifest in live {
            needed.insert(*manifest);
            needed.extend(self.files_of(*manifest).await?);
        }
        for entry in std::fs::read_dir(&self.checkpoints)? {
            let entry = entry?;
            let manifest = entry.file_name().to_str().and_then(|name| name.parse::<Sha256>().ok());
            let Some(manifest) = manifest.filter(|manifest| !live.contains(manifest)) else { continue };
            if !rests(now, entry.metadata()?.modified()?) {
                continue;
            }
            let mut all_gone = true;
            for object in self.files_of(manifest).await? {
                all_gone &= needed.contains(&object) || self.remove(now, object)?;
            }
            // The manifest last: it says what is left to do.
            if all_gone && (needed.contains(&manifest) || self.remove(now, manifest)?) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// What a manifest names; none where it is no manifest, or not here.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn manifest(&self, manifest: Sha256) -> Result<Option<Manifest>, Error> {
        match self.get_bytes(manifest, Manifest::LONGEST).await {
            Ok(bytes) => Ok(Manifest::from_bytes(&bytes)),
            Err(Error::NotFound(_) | Error::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn files_of(&self, manifest: Sha256) -> Result<Vec<Sha256>, Error> {
        let read = self.manifest(manifest).await?;
        Ok(read.into_iter().flat_map(|read| read.files).map(|file| file.object.sha256).collect())
    }

    /// False where it was asked for of late.
    fn remove(&self, now: SystemTime, object: Sha256) -> Result<bool, Error> {
        let path = self.complete_path(object);
        let Ok(metadata) = std::fs::metadata(&path) else { return Ok(true) };
        let rests = rests(now, metadata.modified()?);
        if rests {
            std::fs::remove_file(path)?;
        }
        Ok(rests)
    }

    fn round_mark(&self, manifest: Sha256) -> PathBuf {
        self.checkpoints.join(manifest.to_string())
    }
}

fn rests(now: SystemTime, since: SystemTime) -> bool {
    now.duration_since(since).is_ok_and(|rested| rested > RESTS)
}

#[cfg(test)]
mod tests {
    use millrace_spec::{ManifestFile, ObjectRef, sha256};

    use super::*;
    use crate::objects::Piece;

    async fn put(objects: &Objects, content: &[u8]) -> ObjectRef {
        let object = ObjectRef { sha256: sha256(content), size: content.len() as u64 };
        let piece = Piece { from: 0, length: object.size, total: object.size };
        let body = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::copy_from_slice(content))]);
        objects.put(object.sha256, piece, None, body).await.unwrap();
        object
    }

    async fn checkpoint(objects: &Objects, files: &[ObjectRef]) -> Sha256 {
        let named = files.iter().enumerate();
        let files = named.map(|(index, object)| ManifestFile { path: index.to_string(), object: *object }).collect();
        let manifest = put(objects, &Manifest { files }.to_bytes()).await.sha256;
        objects.note_round(manifest).await.unwrap();
        manifest
    }

    #[tokio::test]
    async fn a_checkpoint_goes_when_no_task_begins_with_it_but_for_what_others_need() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path()).unwrap();
        let [shared, old, new, output] = [
            put(&objects, b"shared").await,
            put(&objects, b"old").await,
            put(&objects, b"new").await,
            put(&objects, b"output").await,
        ];
        let before = checkpoint(&objects, &[shared, old, output]).await;
        let after = checkpoint(&objects, &[shared, new]).await;
        let (live, referred) = (HashSet::from([after]), HashSet::from([output.sha256]));
        let is_here = async |object: Sha256| objects.size(object).await.is_ok();
        // Somebody may refer to it soon.
        objects.sweep_rounds(SystemTime::now(), &live, &referred).await.unwrap();
        assert!(is_here(before).await && is_here(old.sha256).await);
        let later = SystemTime::now() + RESTS + Duration::from_secs(60);
        objects.sweep_rounds(later, &live, &referred).await.unwrap();
        assert!(!is_here(before).await && !is_here(old.sha256).await);
        for kept in [after, shared.sha256, new.sha256, output.sha256] {
            assert!(is_here(kept).await);
        }
        objects.sweep_rounds(later, &HashSet::new(), &referred).await.unwrap();
        assert!(!is_here(after).await && !is_here(shared.sha256).await && !is_here(new.sha256).await);
        assert!(is_here(output.sha256).await);
        assert_eq!(std::fs::read_dir(&objects.checkpoints).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_was_asked_for_of_late_stays_and_is_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path()).unwrap();
        let file = put(&objects, b"file").await;
        let manifest = checkpoint(&objects, &[file]).await;
        let later = SystemTime::now() + RESTS + Duration::from_secs(60);
        std::fs::File::open(objects.complete_path(file.sha256)).unwrap().set_modified(later).unwrap();
        objects.sweep_rounds(later, &HashSet::new(), &HashSet::new()).await.unwrap();
        assert!(objects.size(file.sha256).await.is_ok() && objects.size(manifest).await.is_ok());
        let still_later = later + RESTS + Duration::from_secs(60);
        objects.sweep_rounds(still_later, &HashSet::new(), &HashSet::new()).await.unwrap();
        assert!(objects.size(file.sha256).await.is_err() && objects.size(manifest).await.is_err());
    }
}
