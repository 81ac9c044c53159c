//! The time that the worker decides by: seconds since 1970 when it was last started without a lease, or first on this
//! boot of its machine, and from then on whatever really passes. Setting the machine's clock moves no deadline.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use millrace_agent::{Held, Record};
use millrace_protocol::UnixSeconds;
use rustix::time::{ClockId, clock_gettime};

use crate::whole_file;

/// Random, and another after each boot (proc(5)).
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// Runs on while the worker does not, and while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// What it is ahead of the time since the machine was booted, in seconds.
    ahead: u64,
}

impl Clock {
    /// Goes on where an earlier worker's clock on this boot was, as `folder` has it, while a lease is `held`. Without one
    /// no deadline depends on it, and a machine's clock that was set since is the better one. After another boot only
    /// that knows how long it took.
    pub fn go_on(folder: &Path, records: &[Record], held: &Held) -> Self {
        let kept = || fs::read_to_string(path(folder)).ok().and_then(|text| read(&text, &boot()));
        let kept = held.lease.then(kept).flatten();
        kept.map_or_else(|| Self::open(folder, records), |ahead| Self { ahead })
    }

    /// Begins with the machine's clock, which is never believed to be earlier than the `records` are, and keeps it in
    /// `folder`.
    fn open(folder: &Path, records: &[Record]) -> Self {
        let latest = records.iter().filter_map(Record::at).max().unwrap_or_default();
        let clock = Self { ahead: wall().max(latest).since(since_boot()).0 };
        // Without it the next worker asks the machine's clock again.
        if let Err(error) = clock.save(&path(folder), &boot()) {
            tracing::warn!(%error, "the clock is not kept for the next start");
        }
        clock
    }

    /// Never earlier than before.
    pub fn now(self) -> UnixSeconds {
        UnixSeconds(since_boot().0.saturating_add(self.ahead))
    }

    fn save(self, path: &Path, boot: &str) -> io::Result<()> {
        whole_file::replace(path, format!("{} {}\n", boot.trim(), self.ahead).as_bytes())
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("clock")
}

/// Empty where the machine does not tell its boots apart.
fn boot() -> String {
    fs::read_to_string(BOOT).unwrap_or_default()
}

/// What a clock of this boot is ahead.
fn read(text: &str, boot: &str) -> Option<u64> {
    let (of, ahead) = text.strip_suffix('\n')?.split_once(' ')?;
    (of == boot.trim() && !of.is_empty()).then(|| ahead.parse().ok()).flatten()
}

fn since_boot() -> UnixSeconds {
    UnixSeconds(u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or(0))
}

fn wall() -> UnixSeconds {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    UnixSeconds(since.as_secs())
}

#[cfg(test)]
mod tests {
    use millrace_agent::{LeaseTerms, TaskKey};
    use millrace_protocol::{Address, GpuUnits, PricePerGpuHour, Seconds};
    use millrace_spec::Sha256;

    use super::*;

    fn started(at: UnixSeconds) -> Record {
        Record::TaskStarted { key: TaskKey { lease: Address([1; 32]), task: 0, attempt: 1 }, at }
    }

    fn accepted(accepted_at: UnixSeconds) -> Record {
        let terms = LeaseTerms {
            job: Address([2; 32]),
            spec: Sha256([3; 32]),
            attestor: Address([4; 32]),
            gpus: vec![],
            price: PricePerGpuHour(1),
            units: GpuUnits(1),
            maximum: Seconds(60),
            cpu_millis: 1,
            memory_mib: 1,
            disk_mib: 1,
            accepted_at,
        };
        Record::LeaseAccepted { lease: Address([1; 32]), terms }
    }

    fn open(folder: &Path, records: &[Record]) -> Clock {
        Clock::go_on(folder, records, &Held::of(records))
    }

    fn is_now(clock: Clock) -> bool {
        clock.now().since(wall()).0 <= 1 && wall().since(clock.now()).0 <= 1
    }

    /// A folder whose clock is a day ahead of the machine's, as if that had been set back since.
    fn set_back() -> (tempfile::TempDir, Clock) {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path(), &[]);
        assert!(is_now(first));
        let ahead = Clock { ahead: first.ahead + 86_400 };
        ahead.save(&path(folder.path()), &fs::read_to_string(BOOT).unwrap()).unwrap();
        (folder, ahead)
    }

    #[test]
    fn a_worker_goes_on_with_the_clock_of_the_one_before_it_while_there_is_a_lease() {
        let (folder, ahead) = set_back();
        let held = [accepted(wall())];
        assert_eq!(open(folder.path(), &held).ahead, ahead.ahead);
        assert_eq!(open(folder.path(), &held).ahead, ahead.ahead, "once more");
    }

    #[test]
    fn a_machines_clock_that_is_mended_is_asked_again_where_there_is_no_lease() {
        let closed = Record::LeaseClosed { lease: Address([1; 32]) };
        for records in [vec![], vec![accepted(UnixSeconds(5)), closed.clone()]] {
            let (folder, _) = set_back();
            let mended = open(folder.path(), &records);
            assert!(is_now(mended), "{mended:?}");
            assert_eq!(open(folder.path(), &[accepted(wall())]).ahead, mended.ahead, "it is kept");
        }
        let (folder, ahead) = set_back();
        let now = open(folder.path(), &[accepted(ahead.now()), closed]).now();
        assert!(ahead.now().since(now).0 <= 1, "no earlier than what is written");
    }

    #[test]
    fn after_another_boot_time_begins_no_earlier_than_the_journal_ends() {
        let folder = tempfile::tempdir().unwrap();
        Clock { ahead: 7 }.save(&path(folder.path()), "another boot").unwrap();
        let now = open(folder.path(), &[]).now();
        assert!(wall().since(now).0 <= 1, "{now:?}");
        fs::remove_file(path(folder.path())).unwrap();
        let later = UnixSeconds(wall().0 + 86_400);
        let now = open(folder.path(), &[started(later), started(UnixSeconds(5))]).now();
        assert!(now >= later && now.since(later).0 <= 1, "{now:?}");
    }

    #[test]
    fn a_damaged_file_is_no_clock() {
        for text in ["", "boot", "boot \n", "boot 12", " 12\n", "boot -1\n", "other 12\n"] {
            assert_eq!(read(text, "boot\n"), None, "{text:?}");
        }
        assert_eq!(read("boot 12\n", "boot\n"), Some(12));
        assert_eq!(read(" 12\n", ""), None, "a machine that does not tell its boots apart");
    }
}
