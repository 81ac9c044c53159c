use std::collections::BTreeMap;

use millrace_protocol::Seconds;
use millrace_spec::Retry;
use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;

/// Before a service's replica that ended by itself starts again, where the buyer does not say.
pub(crate) const REPLICA: Backoff = Backoff { first: 5_000, longest: 300_000 };

/// Before a task that ended by itself starts again, as the buyer says.
pub(crate) fn of_retry(retry: &Retry) -> Backoff {
    let millis = |seconds: Seconds| seconds.0.saturating_mul(1_000);
    Backoff { first: millis(retry.backoff), longest: millis(retry.longest_backoff) }
}

/// Milliseconds of running after which earlier ends are forgotten.
const FORGIVEN_AFTER: u64 = 600_000;

/// Tasks that ended by themselves and are to run again.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Restarts(BTreeMap<u32, Restarted>);

/// How often a task ended in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarted {
    pub times: u32,
    /// Milliseconds since 1970 before which it does not start again.
    pub again_at: u64,
}

impl Restarts {
    pub(crate) const NONE: Self = Self(BTreeMap::new());

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tasks that ended, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Restarted)> {
        self.0.iter().map(|(task, restarted)| (*task, *restarted))
    }

    /// The task ended by itself at `now` milliseconds.
    pub(crate) fn note(&mut self, task: u32, now: u64, backoff: Backoff) {
        let before = self.0.get(&task).filter(|before| now.saturating_sub(before.again_at) <= FORGIVEN_AFTER);
        let times = before.map_or(1, |before| before.times.saturating_add(1));
        let again_at = now.saturating_add(backoff.after(times - 1));
        self.0.insert(task, Restarted { times, again_at });
    }

    /// Whether the task may not run at `at` milliseconds yet.
    pub(crate) fn rests(&self, task: u32, at: u64) -> bool {
        self.0.get(&task).is_some_and(|restarted| at < restarted.again_at)
    }

    /// How many tasks may not run at `at` milliseconds yet.
    pub(crate) fn resting(&self, at: u64) -> usize {
        self.0.values().filter(|restarted| at < restarted.again_at).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_in_a_row_waits_twice_as_long_up_to_five_minutes() {
        let (mut restarts, mut now, mut waits) = (Restarts::default(), 1_000_000, Vec::new());
        for _ in 0..9 {
            restarts.note(3, now, REPLICA);
            let again_at = restarts.0[&3].again_at;
            waits.push((again_at - now) / 1_000);
            assert!(restarts.rests(3, again_at - 1) && !restarts.rests(3, again_at));
            now = again_at;
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert!(!restarts.rests(2, now) && restarts.resting(now) == 0);
    }

    #[test]
    fn a_long_run_is_forgiven() {
        let mut restarts = Restarts::default();
        restarts.note(0, 1_000_000, REPLICA);
        restarts.note(0, 1_005_000 + FORGIVEN_AFTER + 1, REPLICA);
        assert_eq!(restarts.0[&0].times, 1);
        restarts.note(0, restarts.0[&0].again_at + FORGIVEN_AFTER, REPLICA);
        assert_eq!(restarts.0[&0].times, 2);
    }
}
