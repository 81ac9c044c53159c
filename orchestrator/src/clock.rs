use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use millrace_protocol::UnixSeconds;
use millrace_scheduler::Now;

/// The two clocks the scheduler lives by. The chain's is estimated: this machine's, moved by the
/// difference found when the chain's was last read.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    chain_ahead_seconds: AtomicI64,
}

impl Clock {
    pub fn now(&self) -> Now {
        let wall = wall();
        let seconds = i64::try_from(wall.as_secs()).unwrap_or(i64::MAX);
        let chain = seconds.saturating_add(self.chain_ahead_seconds.load(Ordering::Relaxed));
        Now {
            millis: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
            chain: UnixSeconds(u64::try_from(chain).unwrap_or(0)),
        }
    }

    /// Takes note of a reading of the chain's clock.
    pub fn read_chain(&self, chain: UnixSeconds) {
        let wall = i64::try_from(wall().as_secs()).unwrap_or(i64::MAX);
        let chain = i64::try_from(chain.0).unwrap_or(i64::MAX);
        self.chain_ahead_seconds.store(chain.saturating_sub(wall), Ordering::Relaxed);
    }
}

/// This machine's clock, for signatures on requests.
pub(crate) fn unix_now() -> UnixSeconds {
    UnixSeconds(wall().as_secs())
}

fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
