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
