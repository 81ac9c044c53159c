use millrace_protocol::{Job, Lease, Seconds, UnixSeconds};
use serde::{Deserialize, Serialize};

/// How long a lease has verifiably run. Milliseconds inside, whole seconds on vouchers, rounded
/// down: what is not a full second yet is attested with the next voucher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meter {
    /// Accrued milliseconds.
    pub millis: u64,
    /// When the worker was last heard of while running, in milliseconds since 1970; none before
    /// its first container runs.
    pub heard: Option<u64>,
    /// Milliseconds for which a running worker was silent, by this scheduler's own watch.
    #[serde(default)]
    pub down: u64,
}

impl Meter {
    /// Starts at the first running container; later starts change nothing.
    pub(crate) fn start(&mut self, now: u64) {
        self.heard.get_or_insert(now);
    }

    pub fn started(&self) -> bool {
        self.heard.is_some()
    }

    /// The worker was heard of at `now`. The time since the last word counts unless the silence
    /// was longer than `patience`: nobody can say what the node did in a longer one.
    pub(crate) fn hear(&mut self, now: u64, patience: u64) {
        let Some(heard) = self.heard else { return };
        let gap = now.saturating_sub(heard);
        if gap <= patience {
            self.millis = self.millis.saturating_add(gap);
        }
        self.heard = Some(heard.max(now));
    }

    /// What may be attested now: never beyond the lease's maximum, never ahead of the chain's
    /// clock, nothing after a cancel or a preemption, and never less than was attested before.
    pub fn attestable(&self, lease: &Lease, job: &Job, attested: Seconds, chain: UnixSeconds) -> Seconds {
        let ends = [job.cancelled_at, lease.preempted_at];
        let end = ends.into_iter().filter(|end| *end > UnixSeconds::ZERO).fold(chain, UnixSeconds::min);
        Seconds(self.millis / 1_000).min(lease.maximum).min(end.since(lease.opened_at)).max(attested)
    }

    /// The downtime that may be attested beside `metered` seconds: never more than what is left of the time
    /// that has passed, and never less than was attested before.
    pub(crate) fn attestable_downtime(
        &self,
        lease: &Lease,
        metered: Seconds,
        attested: Seconds,
        chain: UnixSeconds,
    ) -> Seconds {
        let rest = chain.since(lease.opened_at).saturating_minus(metered);
        Seconds(self.down / 1_000).min(rest).max(attested)
    }

    /// Whether the lease has run as long as it may be paid for.
    pub(crate) fn exhausted(&self, lease: &Lease) -> bool {
        self.millis / 1_000 >= lease.maximum.0
    }
}
