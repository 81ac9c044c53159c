//! A look into a folder that a stranger's program may change under one's eyes. No name is ever resolved through a link,
//! or out of the folder: the kernel sees to that at each step (`openat2(2)`).

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use millrace_agent::{Cause, Failure, Limits};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::outputs::Rules;

/// What is not whole yet.
const PARTIAL: &str = ".partial";
/// How often it is looked again where the folder has changed meanwhile.
const TRIES: u32 = 5;

/// What tells a file from another, and from what it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub device: u64,
    pub inode: u64,
    /// Last written to, in seconds and nanoseconds.
    pub seconds: i64,
    pub nanoseconds: i64,
    pub bytes: u64,
}

impl From<&Stat> for State {
    #[allow(clippy::unnecessary_cast, reason = "the types of these fields differ between machines")]
    fn from(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            seconds: stat.st_mtime as i64,
            nanoseconds: stat.st_mtime_nsec as i64,
            bytes: stat.st_size as u64,
        }
    }
}

/// One file, as a look has found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Relative to the folder, `/`-separated.
    pub path: String,
    pub state: State,
    /// Whether its name, or a folder's that it lies in, says that it is not whole yet.
    pub is_partial: bool,
}

/// One file, held by a link of the worker's own.
#[derive(Debug)]
pub(super) struct Taken {
    /// Relative to the folder, `/`-separated.
    pub path: String,
    pub link: PathBuf,
    state: State,
}

impl Taken {
    /// Whether it is still what it was when it was taken.
    pub fn is_unchanged(&self) -> bool {
        rustix::fs::lstat(&self.link).is_ok_and(|stat| State::from(&stat) == self.state)
    }
}

/// Why a look came to nothing.
enum Obstacle {
    /// Something went away or was replaced between two steps.
    Changed,
    Refused(Failure),
}

impl From<Errno> for Obstacle {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::AGAIN => Self::Changed,
            error => Self::Refused(Failure::new(Cause::OutputInvalid, std::io::Error::from(error).to_string())),
        }
    }
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

/// Links every whole file below `source` into `links`, all as they were at one moment, in order of their paths.
///
/// # Errors
/// A [`Failure`]: there is something that outputs must not have either, more than the limits allow, or the folder
/// changes faster than it can be looked at.
pub(super) fn take(source: &Path, links: &Path, limits: &Limits) -> Result<Vec<Taken>, Failure> {
    until_it_holds_still(|| match take_once(source, links, limits) {
        Err(Obstacle::Changed) => {
            let emptied = std::fs::remove_dir_all(links).and_then(|()| std::fs::create_dir(links));
            emptied.map_err(|error| super::failed(&error))?;
            Err(Obstacle::Changed)
        }
        other => other,
    })
}

/// Every file below `source`, in order of their paths, at whichever moment each is looked at.
///
/// # Errors
/// Those of [`take`].
pub(super) fn look(source: &Path, limits: &Limits) -> Result<Vec<Found>, Failure> {
    until_it_holds_still(|| list(&open_root(source)?, limits, Sight::Everything))
}

/// Links a file that was found, unless it is another by now.
///
/// # Errors
/// A [`Failure`] of the file system.
pub(super) fn hold(source: &Path, found: &Found, link: PathBuf) -> Result<Option<Taken>, Failure> {
    let held = open_root(source).map_err(Obstacle::from).and_then(|root| link_to(&root, &found.path, &link));
    match held {
        Ok(state) if state == found.state => Ok(Some(Taken { path: found.path.clone(), link, state })),
        Ok(_) => std::fs::remove_file(link).map(|()| None).map_err(|error| super::failed(&error)),
        Err(Obstacle::Changed) => Ok(None),
        Err(Obstacle::Refused(failure)) => Err(failure),
    }
}

fn until_it_holds_still<T>(attempt: impl Fn() -> Result<T, Obstacle>) -> Result<T, Failure> {
    for _ in 0..TRIES {
        match attempt() {
            Ok(found) => return Ok(found),
            Err(Obstacle::Refused(failure)) => return Err(failure),
            Err(Obstacle::Changed) => {}
        }
    }
    Err(Failure::new(Cause::OutputInvalid, "the folder changes faster than it can be looked at"))
}

fn take_once(source: &Path, links: &Path, limits: &Limits) -> Result<Vec<Taken>, Obstacle> {
    let root = open_root(source)?;
    let found = list(&root, limits, Sight::Whole)?;
    let mut taken = Vec::with_capacity(found.len());
    for (index, Found { path, .. }) in found.into_iter().enumerate() {
        let link = links.join(index.to_string());
        let state = link_to(&root, &path, &link)?;
        taken.push(Taken { path, link, state });
    }
    // What is still as it was when it was linked was all there at this moment.
    for file in &taken {
        if open(&root, &file.path)?.1 != file.state {
            return Err(Obstacle::Changed);
        }
    }
    Ok(taken)
}

fn open_root(source: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(source, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn link_to(root: &OwnedFd, path: &str, link: &Path) -> Result<State, Obstacle> {
    let (file, state) = open(root, path)?;
    let held = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::linkat(CWD, held, CWD, link, AtFlags::SYMLINK_FOLLOW)?;
    Ok(state)
}

/// A plain file, without reading it.
fn open(root: &OwnedFd, path: &str) -> Result<(OwnedFd, State), Obstacle> {
    let file = beneath(root, path, OFlags::PATH)?;
    let stat = rustix::fs::fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((file, State::from(&stat))),
        _ => Err(Obstacle::Changed),
    }
}

fn beneath(root: &OwnedFd, path: &str, flags: OFlags) -> Result<OwnedFd, Obstacle> {
    let resolve =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat2(root, if path.is_empty() { "." } else { path }, flags, Mode::empty(), resolve)?)
}

/// What a look is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// All whole files at one moment: whatever goes away meanwhile makes it another.
    Whole,
    /// Each file as it is, also those that are not whole yet: what goes away meanwhile is not there.
    Everything,
}

/// All files, in order of their paths, held to the rules of outputs.
fn list(root: &OwnedFd, limits: &Limits, sight: Sight) -> Result<Vec<Found>, Obstacle> {
    let mut rules = Rules::new(limits);
    let mut found: Vec<Found> = Vec::new();
    let mut folders = vec![(String::new(), 0, false)];
    let is_gone = |error| sight == Sight::Everything && matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP);
    while let Some((prefix, depth, in_partial)) = folders.pop() {
        let folder = match beneath(root, prefix.trim_end_matches('/'), OFlags::RDONLY | OFlags::DIRECTORY) {
            Err(Obstacle::Changed) if sight == Sight::Everything && !prefix.is_empty() => continue,
            opened => opened?,
        };
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_partial = in_partial || name.to_bytes().ends_with(PARTIAL.as_bytes());
            if matches!(name.to_bytes(), b"." | b"..") || (is_partial && sight == Sight::Whole) {
                continue;
            }
            let path = Rules::path(&prefix, name.to_str().ok())?;
            let stat = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(error) if is_gone(error) => continue,
                looked => looked?,
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    Rules::folder(&path, depth)?;
                    folders.push((format!("{path}/"), depth + 1, is_partial));
                }
                FileType::RegularFile => {
                    let state = State::from(&stat);
                    rules.file(&path, state.bytes)?;
                    found.push(Found { path, state, is_partial });
                }
                _ if is_partial => {}
                kind => return Err(Rules::other(&path, kind == FileType::Symlink).into()),
            }
        }
    }
    found.sort_unstable_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use millrace_protocol::Seconds;

    use super::*;
    use crate::outputs::DEPTH;

    const LIMITS: Limits = Limits {
        cpu_millis: 1,
        memory_mib: 1,
        pids: 1,
        time: Seconds(1),
        network: false,
        output_files: 4,
        output_bytes: 1_000,
    };

    struct Kept {
        folder: tempfile::TempDir,
    }

    impl Kept {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("kept")).unwrap();
            fs::create_dir(folder.path().join("links")).unwrap();
            Self { folder }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.folder.path().join("kept").join(path)
        }

        fn take(&self) -> Result<Vec<Taken>, Failure> {
            take(&self.at(""), &self.folder.path().join("links"), &LIMITS)
        }

        fn look(&self) -> Vec<Found> {
            look(&self.at(""), &LIMITS).unwrap()
        }

        /// The same of both looks.
        fn refusal(&self) -> String {
            let failure = self.take().unwrap_err();
            assert_eq!(failure.cause, Cause::OutputInvalid);
            assert_eq!(look(&self.at(""), &LIMITS).unwrap_err(), failure);
            failure.detail
        }

        fn hold(&self, found: &Found) -> Option<Taken> {
            hold(&self.at(""), found, self.folder.path().join("links/held")).unwrap()
        }
    }

    #[test]
    fn what_is_whole_is_taken_and_held_whatever_becomes_of_it() {
        let kept = Kept::new();
        fs::create_dir_all(kept.at("step-2")).unwrap();
        fs::create_dir_all(kept.at("step-3.partial")).unwrap();
        for (path, content) in
            [("step-2/model", "two"), ("step-3.partial/model", "half"), ("state", "s"), ("state.partial", "h")]
        {
            fs::write(kept.at(path), content).unwrap();
        }
        let taken = kept.take().unwrap();
        let paths: Vec<&str> = taken.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["state", "step-2/model"]);
        fs::remove_dir_all(kept.at("step-2")).unwrap();
        fs::write(kept.at("state.partial"), "new").unwrap();
        fs::rename(kept.at("state.partial"), kept.at("state")).unwrap();
        let held: Vec<String> = taken.iter().map(|file| fs::read_to_string(&file.link).unwrap()).collect();
        assert_eq!(held, ["s", "two"]);
    }

    #[test]
    fn an_empty_folder_holds_nothing() {
        let kept = Kept::new();
        fs::create_dir(kept.at("empty")).unwrap();
        assert!(kept.take().unwrap().is_empty());
    }

    #[test]
    fn links_and_what_is_no_file_are_refused() {
        for target in ["/etc/passwd", "/etc", "missing"] {
            let kept = Kept::new();
            symlink(target, kept.at("trick")).unwrap();
            assert_eq!(kept.refusal(), "trick is a link");
        }
        let kept = Kept::new();
        let _socket = UnixListener::bind(kept.at("socket")).unwrap();
        assert_eq!(kept.refusal(), "socket is neither a file nor a folder");
    }

    #[test]
    fn a_look_finds_what_is_not_whole_too_and_knows_a_renamed_file_again() {
        let kept = Kept::new();
        fs::create_dir(kept.at("b.partial")).unwrap();
        for path in ["a.partial", "b.partial/c", "d"] {
            fs::write(kept.at(path), path).unwrap();
        }
        symlink("/etc/passwd", kept.at("link.partial")).unwrap();
        let found = kept.look();
        let told: Vec<(&str, bool)> = found.iter().map(|file| (file.path.as_str(), file.is_partial)).collect();
        assert_eq!(told, [("a.partial", true), ("b.partial/c", true), ("d", false)]);
        fs::rename(kept.at("a.partial"), kept.at("a")).unwrap();
        let renamed = &kept.look()[0];
        assert_eq!((renamed.path.as_str(), renamed.is_partial, renamed.state), ("a", false, found[0].state));
        assert!(kept.take().is_ok(), "what is not whole is no part of a checkpoint, whatever it is");
    }

    #[test]
    fn only_what_was_found_is_held_and_a_change_is_noticed() {
        let kept = Kept::new();
        let write = |content: &str| fs::write(kept.at("file"), content).unwrap();
        write("whole");
        let found = kept.look().remove(0);
        let taken = kept.hold(&found).unwrap();
        fs::remove_file(kept.at("file")).unwrap();
        assert!(taken.is_unchanged() && fs::read_to_string(&taken.link).unwrap() == "whole");
        fs::write(&taken.link, "longer than it was").unwrap();
        assert!(!taken.is_unchanged());
        fs::remove_file(&taken.link).unwrap();
        let nothing_held = || fs::read_dir(kept.folder.path().join("links")).unwrap().count() == 0;
        assert!(kept.hold(&found).is_none(), "it is gone");
        write("other");
        assert!(kept.hold(&found).is_none() && nothing_held(), "it is another file");
        fs::remove_file(kept.at("file")).unwrap();
        symlink("/etc/passwd", kept.at("file")).unwrap();
        assert!(kept.hold(&found).is_none() && nothing_held(), "it is a link");
        fs::remove_file(kept.at("file")).unwrap();
        fs::create_dir(kept.at("file")).unwrap();
        assert!(kept.hold(&found).is_none() && nothing_held(), "it is a folder");
    }

    /// As by a program that swaps a folder for a link between the look and the reading.
    #[test]
    fn a_path_through_a_link_is_never_opened() {
        let kept = Kept::new();
        symlink("/etc", kept.at("swapped")).unwrap();
        let root = rustix::fs::open(kept.at(""), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        for path in ["swapped/passwd", "../links", "swapped"] {
            assert!(matches!(open(&root, path), Err(Obstacle::Changed)), "{path}");
        }
        assert!(matches!(beneath(&root, "swapped", OFlags::RDONLY | OFlags::DIRECTORY), Err(Obstacle::Changed)));
    }

    #[test]
    fn count_size_depth_and_names_are_limited_and_a_sparse_file_counts_in_full() {
        let files = Kept::new();
        (0..5).for_each(|index| fs::write(files.at(&index.to_string()), "").unwrap());
        assert_eq!(files.refusal(), "there are more than 4 files");
        let sparse = Kept::new();
        fs::File::create(sparse.at("sparse")).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(sparse.refusal(), "there are more than 1000 bytes");
        let deep = Kept::new();
        fs::create_dir_all(deep.at(&vec!["d"; DEPTH + 1].join("/"))).unwrap();
        assert!(deep.refusal().contains("lies deeper than"));
        let name = Kept::new();
        fs::write(name.at("back\\slash"), "").unwrap();
        assert!(name.refusal().contains("not portable"));
    }
}
