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

/// One file, held by a link of the worker's own.
#[derive(Debug)]
pub(super) struct Taken {
    /// Relative to the folder, `/`-separated.
    pub path: String,
    pub link: PathBuf,
    /// Last written to, in seconds and nanoseconds, and bytes.
    pub state: (i64, i64, u64),
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
    for _ in 0..TRIES {
        match attempt(source, links, limits) {
            Ok(taken) => return Ok(taken),
            Err(Obstacle::Refused(failure)) => return Err(failure),
            Err(Obstacle::Changed) => {
                let emptied = std::fs::remove_dir_all(links).and_then(|()| std::fs::create_dir(links));
                emptied.map_err(|error| super::failed(&error))?;
            }
        }
    }
    Err(Failure::new(Cause::OutputInvalid, "the folder changes faster than it can be looked at"))
}

fn attempt(source: &Path, links: &Path, limits: &Limits) -> Result<Vec<Taken>, Obstacle> {
    let root = rustix::fs::open(source, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let found = list(&root, limits)?;
    let mut taken = Vec::with_capacity(found.len());
    for (index, path) in found.iter().enumerate() {
        let (file, stat) = open(&root, path)?;
        let link = links.join(index.to_string());
        let held = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::fs::linkat(CWD, held, CWD, &link, AtFlags::SYMLINK_FOLLOW)?;
        taken.push((Taken { path: path.clone(), link, state: state(&stat) }, (stat.st_dev, stat.st_ino)));
    }
    // What is still as it was when it was linked was all there at this moment.
    for (file, identity) in &taken {
        let (_, stat) = open(&root, &file.path)?;
        if (stat.st_dev, stat.st_ino) != *identity || state(&stat) != file.state {
            return Err(Obstacle::Changed);
        }
    }
    Ok(taken.into_iter().map(|(file, _)| file).collect())
}

#[allow(clippy::unnecessary_cast, reason = "the types of these fields differ between machines")]
fn state(stat: &Stat) -> (i64, i64, u64) {
    (stat.st_mtime as i64, stat.st_mtime_nsec as i64, stat.st_size as u64)
}

/// A plain file, without reading it.
fn open(root: &OwnedFd, path: &str) -> Result<(OwnedFd, Stat), Obstacle> {
    let file = beneath(root, path, OFlags::PATH)?;
    let stat = rustix::fs::fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((file, stat)),
        _ => Err(Obstacle::Changed),
    }
}

fn beneath(root: &OwnedFd, path: &str, flags: OFlags) -> Result<OwnedFd, Obstacle> {
    let resolve =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat2(root, if path.is_empty() { "." } else { path }, flags, Mode::empty(), resolve)?)
}

/// The paths of all whole files, in order, held to the rules of outputs.
fn list(root: &OwnedFd, limits: &Limits) -> Result<Vec<String>, Obstacle> {
    let mut rules = Rules::new(limits);
    let mut found: Vec<String> = Vec::new();
    let mut folders = vec![(String::new(), 0)];
    while let Some((prefix, depth)) = folders.pop() {
        let folder = beneath(root, prefix.trim_end_matches('/'), OFlags::RDONLY | OFlags::DIRECTORY)?;
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") || name.to_bytes().ends_with(PARTIAL.as_bytes()) {
                continue;
            }
            let relative = Rules::path(&prefix, name.to_str().ok())?;
            let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    Rules::folder(&relative, depth)?;
                    folders.push((format!("{relative}/"), depth + 1));
                }
                FileType::RegularFile => {
                    rules.file(&relative, state(&stat).2)?;
                    found.push(relative);
                }
                kind => return Err(Rules::other(&relative, kind == FileType::Symlink).into()),
            }
        }
    }
    found.sort_unstable();
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

        fn refusal(&self) -> String {
            let failure = self.take().unwrap_err();
            assert_eq!(failure.cause, Cause::OutputInvalid);
            failure.detail
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
