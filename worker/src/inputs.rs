//! Inputs: fetched once into a cache by hash, then linked read-only into each task's folder.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use millrace_agent::{Assignment, Cause, Failure, Input};
use millrace_link::objects::Error;
use millrace_seal::{Error as SealError, InputKey};
use millrace_spec::ObjectRef;
use tokio::time::Instant;

use crate::container::Progress;
use crate::context::Context;
use crate::disk;

/// How long a task waits for an object endpoint that does not answer, or brings it no further.
const PATIENCE: Duration = Duration::from_secs(600);
/// From one attempt to the next.
const PAUSE: Duration = Duration::from_secs(2);

/// Fills a task's input folder.
pub(crate) async fn fetch(
    context: &Context,
    assignment: &Assignment,
    progress: impl Fn(Progress),
) -> Result<(), Failure> {
    {
        // What other tasks use is linked into their folders: here it only loses a name.
        let cache = context.folders.cache();
        if let Err(error) = context.fetching.meanwhile(|held| evict(&cache, context.cache_limit, held)) {
            tracing::warn!(%error, "the input cache stays as large as it is");
        }
    }
    // A worker that died in the middle of it has left inputs there, which take the room of those that it begins anew.
    context.folders.prepare(assignment.key).map_err(|error| disk_failure(&error))?;
    disk::check(&context.folders, assignment, context.disk_reserve)?;
    let folder = context.folders.inputs(assignment.key);
    let key = context.vault.input_key(assignment)?.map(Arc::new);
    let mut state = Progress { done: 0, total: assignment.input_bytes() };
    progress(state);
    for input in &assignment.inputs {
        let cached = context.folders.cached(input.object.sha256);
        // The link is part of it: what has none yet may be evicted.
        let _held = context.fetching.hold(input.object.sha256).await;
        bring(context, input, &cached).await?;
        match &key {
            Some(key) => unseal(key.clone(), &cached, &folder, &input.path).await?,
            None => link(&cached, &folder, &input.path).map_err(|error| disk_failure(&error))?,
        }
        state.done = state.done.saturating_add(input.object.size);
        progress(state);
    }
    Ok(())
}

async fn bring(context: &Context, input: &Input, cached: &Path) -> Result<(), Failure> {
    obtain(context, &input.object, cached).await.map_err(|error| {
        let cause = match &error {
            Error::HashMismatch { .. } => Cause::InputCorrupt,
            Error::File { .. } if error.is_disk_full() => Cause::DiskFull,
            _ => Cause::InputUnavailable,
        };
        Failure::new(cause, format!("{}: {error}", input.path))
    })
}

/// Has an object, waiting for an endpoint that has a problem of its own.
pub(crate) async fn obtain(context: &Context, object: &ObjectRef, path: &Path) -> Result<(), Error> {
    // Where the client goes on.
    let partial = path.with_added_extension("partial");
    let have = || fs::metadata(&partial).map_or(0, |metadata| metadata.len());
    let mut objects = context.objects().await;
    let mut standstill = Standstill { since: Instant::now(), furthest: have() };
    loop {
        match objects.fetch(object, path).await {
            Err(error) if error.is_passing() && standstill.lasts(have(), Instant::now()) < PATIENCE => {
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
        objects = context.objects().await;
    }
}

/// Since when a download has come no further.
struct Standstill {
    since: Instant,
    /// In bytes.
    furthest: u64,
}

impl Standstill {
    fn lasts(&mut self, have: u64, now: Instant) -> Duration {
        if have > self.furthest {
            (self.since, self.furthest) = (now, have);
        }
        now.duration_since(self.since)
    }
}

/// Decrypts into the task's folder, which goes with the task; the cache only ever holds what came.
async fn unseal(key: Arc<InputKey>, cached: &Path, folder: &Path, relative: &str) -> Result<(), Failure> {
    let (cached, folder, name) = (cached.to_owned(), folder.to_owned(), relative.to_owned());
    let unsealed = tokio::task::spawn_blocking(move || decrypt(&key, &cached, &folder, &name)).await;
    unsealed.unwrap_or_else(|error| Err(SealError::File(io::Error::other(error)))).map_err(|error| match error {
        SealError::File(error) => disk_failure(&error),
        error => Failure::new(Cause::InputSealed, format!("{relative}: {error}")),
    })
}

fn decrypt(key: &InputKey, cached: &Path, folder: &Path, relative: &str) -> Result<(), SealError> {
    let path = place(folder, relative)?;
    used_now(cached);
    let sealed = File::open(cached)?;
    let plain = millrace_seal::decrypt(key.key.identity(), sealed, File::create_new(&path)?)?;
    if key.plain.get(relative) != Some(&plain) {
        return Err(SealError::Damaged);
    }
    fs::set_permissions(path, Permissions::from_mode(0o444))?;
    Ok(())
}

/// A hard link costs nothing; the mount is read-only, so the cached file stays what it is.
fn link(cached: &Path, folder: &Path, relative: &str) -> io::Result<()> {
    let path = place(folder, relative)?;
    fs::set_permissions(cached, Permissions::from_mode(0o444))?;
    used_now(cached);
    fs::hard_link(cached, &path).or_else(|_| fs::copy(cached, &path).map(|_| ()))
}

/// Where an input goes, with the folders on the way to it.
fn place(folder: &Path, relative: &str) -> io::Result<PathBuf> {
    let mut inner = folder.to_owned();
    for part in Path::new(relative).parent().into_iter().flat_map(Path::components) {
        inner.push(part);
        fs::create_dir_all(&inner)?;
        // Whatever the worker's umask is: the container's user must get in.
        fs::set_permissions(&inner, Permissions::from_mode(0o755))?;
    }
    Ok(folder.join(relative))
}

/// The time of the last use decides what is evicted.
fn used_now(cached: &Path) {
    let _ = File::open(cached).and_then(|file| file.set_modified(SystemTime::now()));
}

fn disk_failure(error: &io::Error) -> Failure {
    let cause = if error.kind() == io::ErrorKind::StorageFull { Cause::DiskFull } else { Cause::CreateFailed };
    Failure::new(cause, error.to_string())
}

/// Bytes that inputs take up now. What goes away meanwhile does not count.
pub(crate) fn cached_bytes(cache: &Path) -> u64 {
    let entries = std::fs::read_dir(cache).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).fold(0, |sum, metadata| sum.saturating_add(metadata.len()))
}

/// Removes the inputs that were not used for the longest time until the cache is small enough. Those `held` stay, with
/// what there is of them.
///
/// # Errors
/// Those of the file system.
pub(crate) fn evict(cache: &Path, limit: u64, held: &BTreeSet<String>) -> io::Result<()> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(cache)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            // It has come in meanwhile, under another name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let is_held =
            entry.file_name().to_str().and_then(|name| name.split('.').next()).is_some_and(|name| held.contains(name));
        entries.push((metadata.modified()?, metadata.len(), is_held, entry.path()));
    }
    entries.sort();
    let mut total: u64 = entries.iter().map(|(_, length, _, _)| length).sum();
    for (_, length, _, path) in entries.into_iter().filter(|(_, _, is_held, _)| !is_held) {
        if total <= limit {
            break;
        }
        std::fs::remove_file(path)?;
        total -= length;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_input_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        for (name, age) in [("old", 30), ("new", 10), ("middle", 20)] {
            let path = folder.path().join(name);
            std::fs::write(&path, [0; 100]).unwrap();
            let used = SystemTime::now() - Duration::from_secs(age);
            std::fs::File::open(&path).unwrap().set_modified(used).unwrap();
        }
        evict(folder.path(), 200, &BTreeSet::new()).unwrap();
        assert!(!folder.path().join("old").exists());
        evict(folder.path(), 100, &BTreeSet::new()).unwrap();
        assert!(!folder.path().join("middle").exists() && folder.path().join("new").exists());
    }

    #[test]
    fn a_download_that_comes_further_stands_still_from_then_on() {
        let start = Instant::now();
        let mut standstill = Standstill { since: start, furthest: 10 };
        let mut lasts =
            |have, minutes: u64| standstill.lasts(have, start + Duration::from_secs(60 * minutes)).as_secs();
        assert_eq!(lasts(10, 5), 300, "what was there before is no progress");
        assert_eq!(lasts(20, 60), 0, "an hour that went well");
        assert_eq!((lasts(20, 61), lasts(0, 69), lasts(20, 70)), (60, 540, 600), "nor is what comes once more");
        assert_eq!(lasts(21, 75), 0);
    }

    #[test]
    fn what_is_on_its_way_is_not_evicted() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "two.partial", "three", "four.partial"] {
            std::fs::write(folder.path().join(name), [0; 100]).unwrap();
        }
        evict(folder.path(), 0, &["one".to_owned(), "two".to_owned()].into()).unwrap();
        let mut left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["one", "two.partial"]);
    }

    /// Runs itself again, under another umask: that belongs to the whole process.
    #[test]
    fn the_containers_user_gets_to_its_inputs_whatever_the_umask_is() {
        const NAME: &str = "inputs::tests::the_containers_user_gets_to_its_inputs_whatever_the_umask_is";
        if std::env::var_os("STRICT_UMASK").is_none() {
            let mut again = std::process::Command::new("sh");
            again.args(["-c", "umask 077; exec \"$0\" --exact \"$1\""]).arg(std::env::current_exe().unwrap()).arg(NAME);
            assert!(again.env("STRICT_UMASK", "1").status().unwrap().success());
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let folders = crate::folders::Folders::create(folder.path()).unwrap();
        let key = millrace_agent::TaskKey { lease: millrace_protocol::Address([1; 32]), task: 0, attempt: 1 };
        folders.prepare(key).unwrap();
        let (cached, inputs) = (folder.path().join("cached"), folders.inputs(key));
        std::fs::write(&cached, "scene").unwrap();
        link(&cached, &inputs, "textures/wood/a.png").unwrap();
        for part in ["", "textures", "textures/wood"] {
            let mode = std::fs::metadata(inputs.join(part)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o755, "{part}");
        }
    }

    #[test]
    fn a_linked_input_is_read_only_and_may_lie_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let cached = folder.path().join("cached");
        std::fs::write(&cached, "scene").unwrap();
        let path = folder.path().join("inputs/textures/a.png");
        link(&cached, &folder.path().join("inputs"), "textures/a.png").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"scene");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
    }
}
