use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use millrace_protocol::UnixSeconds;
use millrace_scheduler::Now;

/// The two clocks the scheduler lives by. Its own begins with this machine's and then counts what really
/// passes, so that setting the machine's clock meters nothing twice and leaves nothing out. The chain's is
/// estimated: its own, moved by the difference found when the chain's was last read.
#[derive(Debug)]
pub(crate) struct Clock {
    /// This machine's when it was started.
    began: Duration,
    started: Instant,
    chain_ahead_seconds: AtomicI64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { began: wall(), started: Instant::now(), chain_ahead_seconds: AtomicI64::new(0) }
    }
}

impl Clock {
    pub fn now(&self) -> Now {
        let own = self.own();
        let seconds = i64::try_from(own.as_secs()).unwrap_or(i64::MAX);
        let chain = seconds.saturating_add(self.chain_ahead_seconds.load(Ordering::Relaxed));
        Now {
            millis: u64::try_from(own.as_millis()).unwrap_or(u64::MAX),
            chain: UnixSeconds(u64::try_from(chain).unwrap_or(0)),
        }
    }

    /// Takes note of a reading of the chain's clock.
    pub fn read_chain(&self, chain: UnixSeconds) {
        let own = i64::try_from(self.own().as_secs()).unwrap_or(i64::MAX);
        let chain = i64::try_from(chain.0).unwrap_or(i64::MAX);
        self.chain_ahead_seconds.store(chain.saturating_sub(own), Ordering::Relaxed);
    }

    fn own(&self) -> Duration {
        self.began.saturating_add(self.started.elapsed())
    }
}

/// This machine's clock, for signatures on requests.
pub(crate) fn unix_now() -> UnixSeconds {
    UnixSeconds(wall().as_secs())
}

fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
