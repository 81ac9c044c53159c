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
mod tests;
