use millrace_client::{Seen, Sight};

use super::tally::{JobPhase, Tally, TaskCounts};
use super::{Counters, Source};
use crate::disk;
use crate::driver::Driver;

/// What a node can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeState {
    /// Its worker is not connected, or silent.
    Offline,
    /// Its worker came and went too often lately.
    Quarantined,
    /// It takes no further lease.
    Draining,
    /// Every GPU of it is leased.
    Full,
    /// Some of its GPUs are leased.
    Leased,
    Idle,
}

impl NodeState {
    pub const ALL: [Self; 6] = [Self::Offline, Self::Quarantined, Self::Draining, Self::Full, Self::Leased, Self::Idle];

    pub fn name(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Quarantined => "quarantined",
            Self::Draining => "draining",
            Self::Full => "full",
            Self::Leased => "leased",
            Self::Idle => "idle",
        }
    }
}

/// What only the driver knows, of one moment. Counters go on while they are written down.
pub(super) struct Snapshot {
    pub connected: u64,
    pub nodes: [u64; NodeState::ALL.len()],
    /// GPUs, or slices of them, of nodes that are there: all, and how many of them are leased.
    pub units: (u64, u64),
    pub jobs: [u64; JobPhase::ALL.len()],
    pub tasks: TaskCounts,
    pub queued: u64,
    /// Seconds by the chain's clock.
    pub oldest_wait: u64,
    pub leases: u64,
    pub counters: Counters,
    pub sight: Option<Sight>,
}

impl Snapshot {
    pub fn of(driver: &Driver) -> Self {
        let (core, now) = (&driver.core, driver.clock.now());
        let (mut nodes, mut units) = ([0; NodeState::ALL.len()], (0, 0));
        for (address, entry) in core.nodes() {
            let (all, leased) = (entry.view.node.hardware.units().0, entry.view.node.leased.0);
            let state = if !core.is_live(now, address) {
                NodeState::Offline
            } else if core.is_quarantined(now, address) {
                NodeState::Quarantined
            } else if core.is_draining(address) {
                NodeState::Draining
            } else if leased >= all {
                NodeState::Full
            } else if leased > 0 {
                NodeState::Leased
            } else {
                NodeState::Idle
            };
            nodes[state as usize] += 1;
            if state != NodeState::Offline {
                units = (units.0 + u64::from(all), units.1 + u64::from(leased));
            }
        }
        let tally = &driver.tally;
        debug_assert_eq!(*tally, Tally::of(core.jobs()), "a job has changed, and nobody wrote it down");
        Self {
            connected: driver.sessions.len() as u64,
            nodes,
            units,
            jobs: tally.jobs,
            tasks: tally.tasks,
            queued: core.n_queued() as u64,
            oldest_wait: tally.oldest().map_or(0, |opened_at| now.chain.since(opened_at).0),
            leases: core.n_open_leases() as u64,
            counters: driver.counters.clone(),
            sight: driver.chain.sight(),
        }
    }
}

/// What is known without the driver.
pub(super) struct Shell {
    /// Inputs that wait for the driver.
    pub waiting: u64,
    pub received_bytes: u64,
    /// Objects, and their bytes.
    pub deleted: (u64, u64),
    pub lamports: Option<u64>,
    pub seen: Seen,
    pub journal_bytes: u64,
    pub free_bytes: Option<u64>,
}

impl Shell {
    pub fn of(source: &Source) -> Self {
        let length = |name: &str| std::fs::metadata(source.data_dir.join(name)).map_or(0, |found| found.len());
        Self {
            waiting: source.inbox.waiting() as u64,
            received_bytes: source.objects.received(),
            deleted: source.objects.deleted(),
            lamports: source.wallet.lamports(),
            seen: source.wallet.client().seen(),
            journal_bytes: length("journal.sqlite") + length("journal.sqlite-wal"),
            free_bytes: disk::free(&source.data_dir).ok(),
        }
    }
}
