//! How fast each key's objects move. A rig cannot make itself look faster than it is: the bytes are counted here, not
//! where they come from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millrace_protocol::Address;

use super::Gate;

/// Bytes after which a key's speed is told: enough that the buffers on the way are few of them.
const MEASURED: u64 = 16 * 1024 * 1024;
/// Keys whose bytes are kept while they move none.
const KEPT: usize = 4_096;

/// What a key's transfers moved while at least one of them was under way. Several share a link: their speed is that of
/// all of them together.
#[derive(Default)]
struct Meter {
    under_way: u32,
    since: Option<Instant>,
    busy: Duration,
    bytes: u64,
}

impl Meter {
    fn begin(&mut self, now: Instant) {
        self.under_way += 1;
        self.since.get_or_insert(now);
    }

    /// KiB per second, every [`MEASURED`] bytes.
    fn moved(&mut self, now: Instant, bytes: u64) -> Option<u32> {
        self.bytes += bytes;
        if self.bytes < MEASURED {
            return None;
        }
        let busy = self.busy + self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let kib_per_second = u128::from(self.bytes) * 1_000_000 / 1024 / busy.as_micros().max(1);
        (self.bytes, self.busy, self.since) = (0, Duration::ZERO, Some(now));
        Some(u32::try_from(kib_per_second).unwrap_or(u32::MAX))
    }

    fn end(&mut self, now: Instant) {
        self.under_way -= 1;
        if self.under_way == 0 {
            let since = self.since.take();
            self.busy += since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        }
    }
}

/// The meters of all keys, and who hears what they show.
pub(super) struct Meters {
    gate: Arc<dyn Gate>,
    of_keys: Mutex<HashMap<Address, Meter>>,
}

impl Meters {
    pub fn new(gate: Arc<dyn Gate>) -> Arc<Self> {
        Arc::new(Self { gate, of_keys: Mutex::default() })
    }

    /// A transfer of `key`'s, which begins with its first byte: who waits for its turn is not slow.
    pub fn transfer(self: &Arc<Self>, key: Address) -> Transfer {
        Transfer { meters: self.clone(), key, begun: false }
    }

    fn of_keys(&self) -> MutexGuard<'_, HashMap<Address, Meter>> {
        self.of_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes on their way. Ends when it is dropped.
pub(super) struct Transfer {
    meters: Arc<Meters>,
    key: Address,
    begun: bool,
}

impl Transfer {
    pub fn moved(&mut self, bytes: usize) {
        let now = Instant::now();
        let mut of_keys = self.meters.of_keys();
        if of_keys.len() >= KEPT {
            of_keys.retain(|_, meter| meter.under_way > 0);
        }
        let meter = of_keys.entry(self.key).or_default();
        if !self.begun {
            self.begun = true;
            meter.begin(now);
        }
        let speed = meter.moved(now, bytes as u64);
        drop(of_keys);
        if let Some(speed) = speed {
            self.meters.gate.link_measured(self.key, speed);
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if self.begun
            && let Some(meter) = self.meters.of_keys().get_mut(&self.key)
        {
            meter.end(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_link_is_as_fast_as_all_its_transfers_together_while_there_are_any() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut meter = Meter::default();
        meter.begin(after(0));
        assert_eq!(meter.moved(after(1), 6 * MIB), None);
        meter.begin(after(1));
        assert_eq!(meter.moved(after(2), 6 * MIB), None);
        meter.end(after(2));
        meter.end(after(3));
        // The hour in which nothing moved does not count.
        meter.begin(after(3_600));
        assert_eq!(meter.moved(after(3_601), 4 * MIB), Some(4 * 1024), "16 MiB in 4 busy seconds");
        assert_eq!(meter.moved(after(3_602), 16 * MIB), Some(16 * 1024), "and again from there on");
        assert_eq!(meter.moved(after(3_602), 16 * MIB), Some(u32::MAX), "in no time at all");
    }
}
