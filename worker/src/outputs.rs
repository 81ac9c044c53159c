//! Outputs: what a stranger's program left in a folder. Looked at without ever following a link,
//! then uploaded.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use millrace_agent::{Assignment, Cause, Failure, Limits, Output, TaskKey};
use millrace_link::objects::Error;
use millrace_spec::ObjectRef;

use crate::container::Progress;
use crate::context::Context;
use crate::disk::{self, Shortage};

mod awaited;
mod patience;
mod removed;
mod rules;
mod sealing;

use patience::Patience;
use removed::Removed;
use rules::invalid;
pub(crate) use rules::{DEPTH, Rules};
pub(crate) use sealing::{Sealing, StoreError, sealed_name};

/// From one look at a running container's outputs to the next.
const WATCH: Duration = Duration::from_secs(1);
/// How many looks a task that keeps to its own limit bears a disk without room: a neighbour that fills it is found at
/// its next look, and killed.
const NEIGHBOURS: u32 = 10;
/// Files that are hashed and uploaded at once: one is read while others wait for the endpoint.
const AT_ONCE: usize = 6;
/// From one attempt to the next while the object endpoint does not answer, and from one look for room to the next.
const PAUSE: Duration = Duration::from_secs(2);

/// Checks a task's outputs and uploads them. Waits for an endpoint that does not answer: the work
/// is done, and only the lease's end breaks the wait off.
pub(crate) async fn collect(
    context: &Context,
    assignment: &Assignment,
    progress: impl Fn(Progress),
) -> Result<Vec<Output>, Failure> {
    let folder = context.folders.outputs(assignment.key);
    let sealing = Sealing::of(assignment, context.folders.sealed_outputs(assignment.key))?.map(Sealing::patient);
    let sealing = sealing.as_ref();
    let files = list(&folder, &assignment.limits)?;
    let mut state = Progress { done: 0, total: files.iter().map(|file| file.bytes).sum() };
    progress(state);
    // What was brought away before the end may be what is there now: its hash tells.
    let begun = context.folders.begin_upload(assignment.key) || assignment.outputs_every.is_some();
    let mut outputs = Vec::with_capacity(files.len());
    let mut stored = stream::iter(files)
        .map(|file| async {
            let path = folder.join(&file.path);
            let object = match sealing {
                Some(sealing) => sealing.store(context, &path, file.bytes).await,
                None => store(context, &path, begun).await.map_err(Into::into),
            };
            (file, object)
        })
        .buffered(AT_ONCE);
    while let Some((file, object)) = stored.next().await {
        let failed = |error: StoreError| error.failure(&file.path);
        let object = object.map_err(failed)?;
        state.done = state.done.saturating_add(file.bytes);
        progress(state);
        outputs.push(Output { path: sealing.map_or_else(|| file.path.clone(), |_| sealed_name(&file.path)), object });
    }
    Ok(outputs)
}

/// `begun` is whether somebody has tried before, and may have come far.
pub(crate) async fn store(context: &Context, path: &Path, mut begun: bool) -> Result<ObjectRef, Error> {
    let mut patience = Patience::default();
    loop {
        let objects = context.objects().await;
        let started = tokio::time::Instant::now();
        let stored = if begun { objects.store_again(path) } else { objects.store(path) };
        begun = true;
        match stored.await {
            Err(error) if patience.bears(&error, started.elapsed()) => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
}

/// Returns when what a running container has written takes more disk than it may, or when the rig's disk has run out for
/// longer than whoever fills it needs to be stopped: nothing else limits that folder.
pub(crate) async fn exceeded(context: &Context, key: TaskKey, limits: Limits, shortage: &Shortage) -> Failure {
    let outputs = context.folders.outputs(key);
    let mut removed = Removed::new(&outputs);
    let mut without_room: u32 = 0;
    loop {
        tokio::time::sleep(WATCH).await;
        let removed = removed.bytes(context.engine.as_ref(), key, limits.output_bytes).await;
        if let Some(failure) = over_limit(context, key, limits, removed).await {
            return failure;
        }
        match disk::exhausted(&outputs, context.disk_reserve) {
            Some(failure) if without_room >= NEIGHBOURS => return failure,
            Some(_) => {
                shortage.note();
                without_room += 1;
            }
            // Not from none again: what takes the room and gives it back by turns is to be noticed, too.
            None => without_room = without_room.saturating_sub(1),
        }
    }
}

/// What a task has written more of than it may, with so many bytes of files that it has removed and goes on using.
/// Counts blocks, because a sparse file costs nothing.
pub(crate) async fn over_limit(context: &Context, key: TaskKey, limits: Limits, removed: u64) -> Option<Failure> {
    let folders = &context.folders;
    let written = [folders.outputs(key), folders.checkpoint(key), folders.saving(key), folders.early_outputs(key)];
    let most = (u64::from(limits.output_files), limits.output_bytes);
    let used = tokio::task::spawn_blocking(move || usage(&written, most)).await.unwrap_or_default();
    let detail = if used.files > most.0 {
        format!("there are more than {} files", limits.output_files)
    } else if used.bytes.saturating_add(removed) > limits.output_bytes {
        let hidden = if removed > 0 { ", with files that were removed and are still in use" } else { "" };
        format!("there are more than {} bytes{hidden}", limits.output_bytes)
    } else if used.too_deep {
        format!("there are more than {DEPTH} folders in each other")
    } else {
        return None;
    };
    Some(Failure::new(Cause::OutputInvalid, detail))
}

#[derive(Debug, Default)]
struct Usage {
    files: u64,
    /// Further names of files that are counted.
    links: u64,
    bytes: u64,
    /// What lies further down than any path reaches would not be counted.
    too_deep: bool,
    /// The device and inode of each plain file that is counted.
    counted: BTreeSet<(u64, u64)>,
}

impl Usage {
    /// Counts a file once, whatever its names are. How many links it has does not tell: one of them, in the folder of
    /// what is on its way, may be gone before the next is seen.
    fn count(&mut self, metadata: &Metadata) {
        if metadata.is_file() && !self.counted.insert((metadata.dev(), metadata.ino())) {
            self.links += 1;
            return;
        }
        self.files += 1;
        self.bytes = self.bytes.saturating_add(metadata.blocks().saturating_mul(512));
    }

    /// Links have a count of their own: as many files as there may be may each lie in two folders, and no more.
    fn is_over(&mut self, (files, bytes): (u64, u64)) -> bool {
        if self.links > files {
            self.files = u64::MAX;
        }
        self.files > files || self.bytes > bytes
    }
}

/// Bytes that folders take together, as far as can be seen while they change.
pub(crate) fn bytes_in(folders: &[PathBuf]) -> u64 {
    usage(folders, (u64::MAX, u64::MAX)).bytes
}

/// What folders take together, as far as can be seen while they change; no further than `most`, in files and bytes.
fn usage(folders: &[PathBuf], most: (u64, u64)) -> Usage {
    let mut usage = Usage::default();
    let mut folders: Vec<(PathBuf, usize)> = folders.iter().map(|folder| (folder.clone(), 0)).collect();
    while let Some((folder, depth)) = folders.pop() {
        usage.too_deep |= depth > DEPTH;
        if usage.too_deep {
            return usage;
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
            usage.count(&metadata);
            if usage.is_over(most) {
                return usage;
            }
            if metadata.is_dir() {
                folders.push((entry.path(), depth + 1));
            }
        }
    }
    usage
}

#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// Relative, `/`-separated.
    path: String,
    bytes: u64,
}

/// Every plain file below `folder`, by path. Anything else, and anything over the limits, makes the
/// whole invalid: a result that is partly missing is no result.
fn list(folder: &Path, limits: &Limits) -> Result<Vec<Found>, Failure> {
    let mut rules = Rules::new(limits);
    let mut found: Vec<Found> = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        for (name, path) in entries(&folder).map_err(|error| invalid(format!("{prefix}: {error}")))? {
            let relative = Rules::path(&prefix, name.as_deref())?;
            let metadata = fs::symlink_metadata(&path).map_err(|error| invalid(format!("{relative}: {error}")))?;
            if metadata.is_dir() {
                Rules::folder(&relative, depth)?;
                folders.push((path, format!("{relative}/"), depth + 1));
                continue;
            }
            if !metadata.is_file() {
                return Err(Rules::other(&relative, metadata.is_symlink()));
            }
            rules.file(&relative, metadata.len())?;
            found.push(Found { path: relative, bytes: metadata.len() });
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

fn entries(folder: &Path) -> io::Result<Vec<(Option<String>, PathBuf)>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| (entry.file_name().into_string().ok(), entry.path()))).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use millrace_protocol::Seconds;

    use super::rules::PATHS;
    use super::*;

    const LIMITS: Limits = Limits {
        cpu_millis: 1,
        memory_mib: 1,
        pids: 1,
        time: Seconds(1),
        network: false,
        output_files: 3,
        output_bytes: 10,
    };

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn refusal(folder: &tempfile::TempDir) -> String {
        let failure = list(folder.path(), &LIMITS).unwrap_err();
        assert_eq!(failure.cause, Cause::OutputInvalid);
        failure.detail
    }

    #[test]
    fn files_are_found_in_folders_and_in_order() {
        let folder = folder();
        fs::create_dir(folder.path().join("a")).unwrap();
        for (path, content) in [("z", "1"), ("a/b", "22")] {
            fs::write(folder.path().join(path), content).unwrap();
        }
        let found = list(folder.path(), &LIMITS).unwrap();
        assert_eq!(found, [Found { path: "a/b".into(), bytes: 2 }, Found { path: "z".into(), bytes: 1 }]);
    }

    #[test]
    fn links_are_refused_to_files_and_to_folders() {
        for target in ["/etc/passwd", "/etc", "missing"] {
            let folder = folder();
            symlink(target, folder.path().join("trick")).unwrap();
            assert_eq!(refusal(&folder), "trick is a link");
        }
    }

    #[test]
    fn sockets_are_refused() {
        let folder = folder();
        let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
        assert_eq!(refusal(&folder), "socket is neither a file nor a folder");
    }

    #[test]
    fn count_and_size_are_limited() {
        let files = folder();
        (0..4).for_each(|index| fs::write(files.path().join(index.to_string()), "").unwrap());
        assert_eq!(refusal(&files), "there are more than 3 files");
        let bytes = folder();
        fs::write(bytes.path().join("big"), [0; 11]).unwrap();
        assert_eq!(refusal(&bytes), "there are more than 10 bytes");
    }

    #[test]
    fn a_running_container_is_watched_by_what_it_really_takes() {
        let folder = folder();
        let sparse = fs::File::create(folder.path().join("sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        let most = (3, 64 << 10);
        let sparse = usage(&[folder.path().to_owned()], most);
        assert_eq!((sparse.files, sparse.links, sparse.bytes), (1, 0, 0));
        fs::write(folder.path().join("real"), vec![1; 128 << 10]).unwrap();
        assert!(usage(&[folder.path().to_owned()], most).bytes > most.1);
    }

    #[test]
    fn a_file_on_its_way_counts_once_also_where_its_link_is_gone_before_it_is_seen() {
        let folder = folder();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "x").unwrap();
        fs::hard_link(&file, &link).unwrap();
        let mut usage = Usage::default();
        usage.count(&fs::symlink_metadata(&link).unwrap());
        fs::remove_file(link).unwrap();
        usage.count(&fs::symlink_metadata(&file).unwrap());
        assert_eq!((usage.files, usage.links), (1, 1));
    }

    #[test]
    fn further_names_are_limited_too() {
        let folder = folder();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for index in 0..5 {
            let over = usage(&[folder.path().to_owned()], (3, 10)).files > 3;
            assert_eq!(over, index > 3, "{index} links");
            fs::hard_link(&file, folder.path().join(index.to_string())).unwrap();
        }
    }

    #[test]
    fn nothing_hides_from_the_watch_by_its_depth() {
        let folder = folder();
        let most = (1_000, 1 << 30);
        let deepest = folder.path().join(vec!["d"; DEPTH].join("/"));
        fs::create_dir_all(&deepest).unwrap();
        assert!(!usage(&[folder.path().to_owned()], most).too_deep);
        fs::create_dir(deepest.join("d")).unwrap();
        assert!(usage(&[folder.path().to_owned()], most).too_deep);
    }

    #[test]
    fn names_must_fit_into_one_message() {
        let folder = folder();
        let limits = Limits { output_files: 10_000, ..LIMITS };
        let deep = folder.path().join(vec!["d".repeat(250); 12].join("/"));
        fs::create_dir_all(&deep).unwrap();
        (0..PATHS / 3_100).for_each(|index| fs::write(deep.join(index.to_string()), "").unwrap());
        assert!(list(folder.path(), &limits).is_ok());
        (0..50).for_each(|index| fs::write(deep.join(format!("more-{index}")), "").unwrap());
        assert!(list(folder.path(), &limits).unwrap_err().detail.contains("names of the files"));
    }

    #[test]
    fn names_that_cannot_travel_are_refused() {
        for name in [b"line\nbreak".as_slice(), b"back\\slash", b"\xff"] {
            let folder = folder();
            fs::write(folder.path().join(OsStr::from_bytes(name)), "").unwrap();
            assert!(!refusal(&folder).is_empty());
        }
    }
}
