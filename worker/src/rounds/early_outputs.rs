//! What is finished of a running task's outputs. A file is, once two looks have found it the same: its inode, its size
//! and when it was last written to, whatever its name was. So one that was renamed into place counts at once, and one
//! that is being written to counts as it was before, if it was ever brought away.
//!
//! Nothing of this is a result: at the end all that is there is hashed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;

use futures_util::stream::{self, StreamExt};
use millrace_agent::{Assignment, Failure};
use millrace_spec::{ManifestFile, ObjectRef};
use tokio::sync::Mutex;

use super::snapshot::{self, Found, State};
use super::{AT_ONCE, Brought, failed, not_stored, store, store_manifest};
use crate::context::Context;
use crate::outputs::{Sealing, sealed_name};

/// What the rounds before have found and sent. A restarted worker looks and hashes once more.
#[derive(Debug, Default)]
pub(crate) struct Known {
    seen: HashSet<State>,
    sent: HashMap<State, ObjectRef>,
    named: BTreeMap<String, ObjectRef>,
}

impl Known {
    /// What two looks have found the same, and nobody has sent yet.
    fn unsent(&self, found: &[Found]) -> Vec<Found> {
        let mut once = HashSet::new();
        let finished = found.iter().filter(|file| !file.is_partial && self.seen.contains(&file.state));
        let unsent = finished.filter(|file| !self.sent.contains_key(&file.state) && once.insert(file.state));
        unsent.cloned().collect()
    }

    /// What there is to see after this look: nothing of what is gone.
    fn note(&mut self, found: &[Found], sent: impl IntoIterator<Item = (State, ObjectRef)>) {
        self.sent.extend(sent);
        let named = found.iter().filter(|file| !file.is_partial).filter_map(|file| {
            let object = self.sent.get(&file.state).or_else(|| self.named.get(&file.path))?;
            Some((file.path.clone(), *object))
        });
        self.named = named.collect();
        self.seen = found.iter().map(|file| file.state).collect();
        self.sent.retain(|state, _| self.seen.contains(state));
    }
}

/// Brings away what is finished and was not before. A file that cannot be sent keeps no other from it. Saves nothing
/// where nothing is finished yet.
///
/// # Errors
/// A [`Failure`] that says what was in the way; the task goes on.
pub(crate) async fn bring_away(
    context: &Context,
    assignment: &Assignment,
    known: &Mutex<Known>,
) -> Result<Brought, Failure> {
    let mut known = known.lock().await;
    let folders = &context.folders;
    let links = folders.early_outputs(assignment.key);
    folders.prepare_round(&links).map_err(|error| failed(&error))?;
    let (source, limits) = (folders.outputs(assignment.key), assignment.limits);
    let looked = {
        let source = source.clone();
        tokio::task::spawn_blocking(move || snapshot::look(&source, &limits)).await
    };
    let found = looked.unwrap_or_else(|error| Err(failed(&io::Error::other(error))))?;
    let unsent = known.unsent(&found);
    // Not where the result is encrypted: what is broken off may still be writing there.
    let sealing = Sealing::of(assignment, folders.sealed_outputs(assignment.key).join("early"))?;
    let sealing = sealing.as_ref();
    // What is encrypted takes room beside what the task may take: one file at a time.
    let at_once = if sealing.is_some() { 1 } else { AT_ONCE };
    let round = Round { context, source: &source, links: &links, sealing };
    // In order, so that what is told of several failures is the same each time.
    let tried: Vec<_> = stream::iter(unsent).map(|file| round.send(file)).buffered(at_once).collect().await;
    let (sent, setback) = settled(tried);
    known.note(&found, sent);
    if known.named.is_empty() {
        return Ok(Brought { saved: None, setback });
    }
    let name = |path: &String| sealing.map_or_else(|| path.clone(), |_| sealed_name(path));
    let mut files: Vec<ManifestFile> =
        known.named.iter().map(|(path, object)| ManifestFile { path: name(path), object: *object }).collect();
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let saved = store_manifest(context, &links, files).await?;
    tracing::debug!(task = %assignment.key, files = saved.files, bytes = saved.bytes, "outputs are brought away early");
    Ok(Brought { saved: Some(saved), setback })
}

/// What was sent, and the first failure: the others are most often of the same kind.
fn settled(tried: Vec<Result<Option<(State, ObjectRef)>, Failure>>) -> (Vec<(State, ObjectRef)>, Option<Failure>) {
    let (mut sent, mut setback) = (Vec::new(), None);
    for one in tried {
        match one {
            Ok(one) => sent.extend(one),
            Err(failure) => setback = setback.or(Some(failure)),
        }
    }
    (sent, setback)
}

struct Round<'a> {
    context: &'a Context,
    source: &'a Path,
    links: &'a Path,
    sealing: Option<&'a Sealing>,
}

impl Round<'_> {
    /// `None` where the file is not what it was any more: the next look finds it.
    async fn send(&self, file: Found) -> Result<Option<(State, ObjectRef)>, Failure> {
        // The same in each round, also after a restart: what is half sent goes on.
        let link = self.links.join(file.state.inode.to_string());
        let (source, held) = (self.source.to_owned(), file.clone());
        let taken = tokio::task::spawn_blocking(move || snapshot::hold(&source, &held, link)).await;
        let Some(taken) = taken.unwrap_or_else(|error| Err(failed(&io::Error::other(error))))? else {
            return Ok(None);
        };
        let stored = match self.sealing {
            Some(sealing) => {
                let stored = sealing.store(self.context, &taken.link, file.state.bytes).await;
                stored.map_err(|error| error.failure(&file.path))
            }
            None => store(self.context, &taken.link).await.map_err(|error| not_stored(&file.path, &error)),
        };
        let unchanged = taken.is_unchanged();
        // Held no longer than it takes: what the container has deleted meanwhile takes room until now.
        fs::remove_file(&taken.link).map_err(|error| failed(&error))?;
        if unchanged { stored.map(|object| Some((file.state, object))) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use millrace_agent::Cause;

    use super::*;

    fn found(path: &str, inode: u64, bytes: u64) -> Found {
        let state = State { device: 1, inode, seconds: 1, nanoseconds: 0, bytes };
        Found { path: path.to_owned(), state, is_partial: path.ends_with(".partial") }
    }

    fn object(byte: u8) -> ObjectRef {
        ObjectRef { sha256: millrace_spec::sha256(&[byte]), size: 1 }
    }

    fn unsent(known: &Known, found: &[Found]) -> Vec<String> {
        known.unsent(found).into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn a_file_is_finished_once_two_looks_find_it_the_same() {
        let mut known = Known::default();
        let first = [found("frame", 1, 10), found("log", 2, 5)];
        assert!(unsent(&known, &first).is_empty());
        known.note(&first, []);
        let second = [found("frame", 1, 10), found("log", 2, 6), found("new", 3, 1)];
        assert_eq!(unsent(&known, &second), ["frame"]);
        known.note(&second, [(second[0].state, object(1))]);
        assert!(unsent(&known, &[second[0].clone()]).is_empty(), "it was sent");
        assert_eq!(known.named, BTreeMap::from([("frame".to_owned(), object(1))]));
    }

    #[test]
    fn one_that_was_seen_under_another_name_counts_at_once_and_a_partial_one_never() {
        let mut known = Known::default();
        let partial = [found("frame.partial", 1, 10)];
        known.note(&partial, []);
        assert!(unsent(&known, &partial).is_empty());
        assert_eq!(unsent(&known, &[found("frame", 1, 10)]), ["frame"]);
        assert!(unsent(&known, &[found("frame", 9, 10)]).is_empty(), "a file of another inode is another");
    }

    #[test]
    fn one_that_is_written_to_again_counts_as_it_was_and_one_that_is_gone_does_not() {
        let mut known = Known::default();
        let file = [found("metrics", 1, 10)];
        known.note(&file, []);
        known.note(&file, [(file[0].state, object(1))]);
        known.note(&[found("metrics", 1, 20)], []);
        assert_eq!(known.named, BTreeMap::from([("metrics".to_owned(), object(1))]));
        known.note(&[found("other", 2, 20)], []);
        assert!(known.named.is_empty() && known.sent.is_empty());
    }

    #[test]
    fn a_file_that_cannot_be_sent_keeps_no_other_back_and_is_tried_again() {
        let mut known = Known::default();
        let all = [found("a", 1, 10), found("bad", 2, 10), found("c", 3, 10), found("worse", 4, 10)];
        known.note(&all, []);
        let failure = |path: &str| Err(Failure::new(Cause::UploadFailed, path));
        let tried = vec![Ok(Some((all[0].state, object(1)))), failure("bad"), Ok(None), failure("worse")];
        let (sent, setback) = settled(tried);
        assert_eq!(setback.map(|failure| failure.detail).as_deref(), Some("bad"));
        known.note(&all, sent);
        assert_eq!(known.named, BTreeMap::from([("a".to_owned(), object(1))]));
        assert_eq!(unsent(&known, &all), ["bad", "c", "worse"], "what was sent is not sent again");
    }

    #[test]
    fn one_file_under_two_names_is_sent_once() {
        let mut known = Known::default();
        let twice = [found("a", 1, 10), found("b", 1, 10)];
        known.note(&twice, []);
        assert_eq!(unsent(&known, &twice), ["a"]);
        known.note(&twice, [(twice[0].state, object(1))]);
        assert_eq!(known.named.len(), 2);
    }
}
