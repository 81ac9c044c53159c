//! The journal on a disk that somebody else fills.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use millrace_agent::{Cause, Failure, Record, TaskKey};
use millrace_protocol::Address;
use millrace_worker::journal::{self, Journal};

use crate::support::small_disk::SmallDisk;

/// More than any block of a file has room for.
const MANY: usize = 500;

/// Takes whatever there is, like a program that goes on when space becomes free.
fn fill(disk: &Path) {
    let mut hoard = File::options().create(true).append(true).open(disk.join("hoard")).unwrap();
    while hoard.write_all(&[1; 4_096]).is_ok() {}
    assert!(fs::write(disk.join("more"), [1; 4_096]).is_err(), "there is room");
}

fn append(journal: &mut Journal) {
    for _ in 0..MANY {
        journal.append(&Record::LeaseEnding { lease: Address([7; 32]) }).unwrap();
    }
}

#[test]
fn it_is_written_on_a_full_disk_without_a_byte_that_becomes_free() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(folder.path()) else {
        eprintln!("SKIPPED: this user may not mount a tmpfs");
        return;
    };
    let data = folder.path().join("data");
    let (mut journal, _) = Journal::open(&data).unwrap();
    fill(folder.path());
    append(&mut journal);
    drop(journal);

    let (mut journal, found) = Journal::open(&data).unwrap();
    assert_eq!(found.len(), MANY, "a worker that is started again on the full disk");
    append(&mut journal);
    assert!(journal.compact(&found).is_err(), "where would the new one lie?");
    assert!(!data.join("journal.new").exists(), "half of it takes room");
    append(&mut journal);
    assert_eq!(journal::read(&data).unwrap().len(), 3 * MANY, "one that cannot be shortened stays good");

    fs::remove_file(folder.path().join("hoard")).unwrap();
    journal.compact(&found[..1]).unwrap();
    fill(folder.path());
    append(&mut journal);
    assert_eq!(journal::read(&data).unwrap().len(), 1 + MANY, "the new one has room of its own");
}

#[test]
fn room_is_kept_aside_only_where_the_file_system_cannot_reserve_any() {
    let folder = tempfile::tempdir().unwrap();
    let (able, unable) = (folder.path().join("able"), folder.path().join("unable"));
    fs::create_dir(&able).unwrap();
    fs::create_dir(&unable).unwrap();
    let (Some(_able), Some(_unable)) = (SmallDisk::mount(&able), SmallDisk::without_reserves(&unable)) else {
        eprintln!("SKIPPED: this user may not mount a tmpfs");
        return;
    };
    let ballast = |at: &Path| at.join("journal.ballast").exists();
    let (mut journal, _) = Journal::open(&able).unwrap();
    journal.take_ballast();
    assert!(!ballast(&able));

    let (mut journal, _) = Journal::open(&unable).unwrap();
    journal.take_ballast();
    assert!(ballast(&unable));
    fs::remove_file(unable.join("journal.ballast")).unwrap();
    journal.take_ballast();
    assert!(!ballast(&unable), "nobody looks for it twice a second");
    journal.compact(&[]).unwrap();
    append(&mut journal);
}

#[test]
fn few_records_make_it_long_where_they_are_long_and_only_once() {
    const MIB: usize = 1024 * 1024;
    let key = TaskKey { lease: Address([7; 32]), task: 0, attempt: 1 };
    let long = Record::TaskFailing { key, failure: Failure::new(Cause::InputCorrupt, "x".repeat(2 * MIB)) };
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(folder.path()).unwrap();
    let length = || fs::metadata(folder.path().join("journal")).unwrap().len();
    while !journal.is_long() {
        journal.append(&long).unwrap();
        assert!(length() <= 67 * MIB as u64, "it grows to gigabytes");
    }
    assert!(length() > 64 * MIB as u64);
    journal.compact(&vec![long.clone(); 3]).unwrap();
    assert!(length() > 6 * MIB as u64);
    for _ in 0..3 {
        journal.append(&long).unwrap();
        assert!(!journal.is_long(), "it was made as short as it can be");
    }
}
