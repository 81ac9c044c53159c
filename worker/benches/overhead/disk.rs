use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};

/// Has the next reader fetch a file from the disk.
pub fn forget(path: &Path) {
    let file = File::open(path).expect("a file");
    file.sync_all().expect("it is written");
    fadvise(&file, 0, None, Advice::DontNeed).expect("Linux");
}

/// Reads each file from the disk, writes its bytes to another and syncs that: what any copy has to do.
pub fn copy(files: &[PathBuf], to: &Path) -> Duration {
    let began = Instant::now();
    let mut piece = vec![0; 1024 * 1024];
    for (number, path) in files.iter().enumerate() {
        let mut from = File::open(path).expect("a file");
        let mut to = File::create(to.join(number.to_string())).expect("a file");
        loop {
            let read = from.read(&mut piece).expect("it can be read");
            if read == 0 {
                break;
            }
            to.write_all(&piece[..read]).expect("room on disk");
        }
        to.sync_all().expect("room on disk");
    }
    began.elapsed()
}
