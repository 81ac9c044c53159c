//! Files that a running container has removed and goes on using. They take disk until nobody has them any more, and
//! are in no folder: what knows of them is `/proc`, which lists the files that a process has open or mapped (proc(5),
//! `fd` and `map_files`).

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use millrace_agent::TaskKey;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::container::{Engine, Process};

/// How long the watch over the outputs waits for a look.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many times as long as a look took nobody looks again: a program with very many open files shall not keep the
/// rig busy with looking at them.
const REST: u32 = 3;
const GROUPS: &str = "/sys/fs/cgroup";

/// The watch over one container's removed files.
pub(super) struct Removed {
    /// Where the kernel lists the container's processes; `None` until that is found.
    group: Option<PathBuf>,
    /// Of the file system that the container's outputs are on. All else that it may write is memory.
    device: Option<u64>,
    looking: Option<JoinHandle<(u64, Duration)>>,
    /// Bytes that the last look has found.
    found: u64,
    next: Instant,
}

impl Removed {
    pub fn new(outputs: &Path) -> Self {
        let device = fs::metadata(outputs).ok().map(|metadata| metadata.dev());
        Self { group: None, device, looking: None, found: 0, next: Instant::now() }
    }

    /// What they take, as of the last look that has come to its end; not counted further than `most`. Zero where
    /// `/proc` does not tell: without the right to trace others (`CAP_SYS_PTRACE`) it does so only for the worker's own
    /// user, as long as the program has nothing against it, and never for what is only mapped without another
    /// (`CAP_CHECKPOINT_RESTORE`).
    pub async fn bytes(&mut self, engine: &dyn Engine, key: TaskKey, most: u64) -> u64 {
        if self.group.is_none()
            && let Ok(Some(process)) = engine.main_process(key).await
        {
            self.group = group(&process);
        }
        let (Some(group), Some(device)) = (&self.group, self.device) else { return 0 };
        if self.looking.is_none() && self.next <= Instant::now() {
            let group = group.clone();
            self.looking = Some(tokio::task::spawn_blocking(move || {
                let began = Instant::now();
                (Look::new(device, most).at(&group), began.elapsed())
            }));
        }
        if let Some(looking) = &mut self.looking
            && let Ok(looked) = timeout(PATIENCE, looking).await
        {
            let (found, took) = looked.unwrap_or_default();
            self.looking = None;
            self.found = found;
            self.next = Instant::now() + took * REST;
        }
        self.found
    }
}

/// The control group of a container, which none of its processes can leave. `None` where the process is not on this
/// machine, or not the container's any more.
fn group(process: &Process) -> Option<PathBuf> {
    let pid = process.pid.to_string();
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    // A line for each hierarchy: number, controllers (none of the second version's), path (cgroups(7)).
    let lines = groups.lines().filter_map(|line| line.splitn(3, ':').skip(1).collect::<Vec<_>>().try_into().ok());
    let own = lines.filter(|[_, path]: &[&str; 2]| path.contains(&process.container));
    let folders = own.flat_map(|[controllers, path]| {
        let hierarchies = match controllers.strip_prefix("name=").unwrap_or(controllers) {
            "" => vec![PathBuf::from(GROUPS), Path::new(GROUPS).join("unified")],
            controllers => vec![Path::new(GROUPS).join(controllers)],
        };
        hierarchies.into_iter().map(move |hierarchy| hierarchy.join(path.trim_start_matches('/')))
    });
    folders.into_iter().find(|folder| processes(folder).contains(&pid))
}

fn processes(group: &Path) -> Vec<String> {
    let listed = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    listed.lines().map(str::to_owned).collect()
}

/// One look at everything that the processes of a group have.
struct Look {
    device: u64,
    most: u64,
    counted: HashSet<u64>,
    bytes: u64,
}

impl Look {
    fn new(device: u64, most: u64) -> Self {
        Self { device, most, counted: HashSet::new(), bytes: 0 }
    }

    fn at(mut self, group: &Path) -> u64 {
        for process in processes(group) {
            self.process(&process);
        }
        self.bytes
    }

    /// A process that ends meanwhile has nothing any more.
    fn process(&mut self, process: &str) {
        let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let mut mapped = false;
        for thread in threads.filter_map(|thread| thread.file_name().into_string().ok()) {
            // A thread may have a table of open files to itself.
            let _ = self.files(&format!("/proc/{thread}/fd"));
            // Their memory they share, but one that has ended shows none of it.
            mapped = mapped || self.files(&format!("/proc/{thread}/map_files")).is_ok_and(|files| files > 0);
        }
    }

    /// How many files there are.
    fn files(&mut self, folder: &str) -> io::Result<u64> {
        let folder = openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let mut files = 0;
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            if entry.file_name().to_bytes().starts_with(b".") {
                continue;
            }
            files += 1;
            // What it is a link to is looked at and not opened.
            let Ok(stat) = statat(&folder, entry.file_name(), AtFlags::empty()) else { continue };
            let removed = stat.st_nlink == 0 && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            if removed && stat.st_dev == self.device && self.counted.insert(stat.st_ino) {
                let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
                self.bytes = self.bytes.saturating_add(blocks.saturating_mul(512));
            }
            if self.bytes > self.most {
                break;
            }
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn file(path: &Path) -> File {
        let mut file = File::create(path).unwrap();
        file.write_all(&vec![1; 1 << 20]).unwrap();
        file
    }

    /// A folder like a process's `fd`: this one's has the files of other tests, too.
    fn listed(files: &[&File]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, file) in files.iter().enumerate() {
            symlink(format!("/proc/self/fd/{}", file.as_raw_fd()), folder.path().join(name.to_string())).unwrap();
        }
        folder
    }

    fn bytes(device: &Path, most: u64, files: &[&File]) -> u64 {
        let mut look = Look::new(fs::metadata(device).unwrap().dev(), most);
        let found = look.files(listed(files).path().to_str().unwrap()).unwrap();
        assert!(found == files.len() as u64 || look.bytes > most);
        look.bytes
    }

    #[test]
    fn what_is_in_no_folder_counts_once_by_the_disk_it_takes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hoard");
        let file = file(&path);
        let again = file.try_clone().unwrap();
        assert_eq!(bytes(folder.path(), u64::MAX, &[&file, &again]), 0, "the folder has it");
        fs::remove_file(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        let found = bytes(folder.path(), u64::MAX, &[&file, &again]);
        assert!((MIB..2 * MIB).contains(&found), "{found}");
    }

    #[test]
    fn what_is_on_another_disk_does_not_count() {
        let (folder, Ok(memory)) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm")) else { return };
        let device = |folder: &tempfile::TempDir| fs::metadata(folder.path()).unwrap().dev();
        if device(&folder) == device(&memory) {
            return;
        }
        let path = memory.path().join("hoard");
        let file = file(&path);
        fs::remove_file(&path).unwrap();
        assert_eq!(bytes(folder.path(), u64::MAX, &[&file]), 0);
        assert!(bytes(memory.path(), u64::MAX, &[&file]) >= MIB);
    }

    #[test]
    fn a_look_ends_where_it_has_found_enough() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<File> = (0..4).map(|name| file(&folder.path().join(name.to_string()))).collect();
        (0..4).for_each(|name| fs::remove_file(folder.path().join(name.to_string())).unwrap());
        let found = bytes(folder.path(), MIB * 3 / 2, &files.iter().collect::<Vec<_>>());
        assert!((2 * MIB..3 * MIB).contains(&found), "{found}");
    }

    #[test]
    fn a_process_is_looked_at_with_all_of_its_threads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hoard");
        let file = file(&path);
        let inode = file.metadata().unwrap().ino();
        fs::remove_file(&path).unwrap();
        let counted = || {
            let mut look = Look::new(fs::metadata(folder.path()).unwrap().dev(), u64::MAX);
            look.process(&std::process::id().to_string());
            look.counted.contains(&inode)
        };
        assert!(counted());
        drop(file);
        assert!(!counted(), "nobody has it any more");
    }

    #[test]
    fn a_group_is_taken_only_where_it_is_the_containers() {
        let process = Process { pid: std::process::id(), container: "no container at all".to_owned() };
        assert_eq!(group(&process), None);
        let process = Process { pid: u32::MAX, container: String::new() };
        assert_eq!(group(&process), None);
    }
}
